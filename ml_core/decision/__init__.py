"""The policy of a slot: what is known of it in, ledger entries and a plan out; nothing is read.

``context`` is what is known, ``decide`` makes the entries by the rules of ``abstain`` (why a
version gives no prediction) and ``mark`` (what becomes of one that it gave), ``plan_slot`` has the
trader's rules decide. ``entry`` and ``plan_record`` are what is kept.
"""
