-- A database of its own for Prefect's records, next to Orbcast's.
CREATE DATABASE prefect;
