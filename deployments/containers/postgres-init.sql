-- Prefect's records beside Orbcast's, in a database of their own.
CREATE DATABASE prefect;
