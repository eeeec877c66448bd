"""The decision on a slot: takes what is known, returns ledger entries and a plan; reads nothing.

``context`` holds what is known. ``decide`` makes the entries by the rules of ``abstain`` (why a
version gives no prediction) and ``mark`` (whether a prediction is silenced or held back).
``plan_slot`` applies the trader's rules. ``entry`` and ``plan_record`` define the records that are
kept.
"""
