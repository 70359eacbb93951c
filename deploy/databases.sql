-- Runs once, in a new PostgreSQL: a role and databases each for Keyturn and Temporal, neither of them a superuser.
\set keyturn_password `cat /run/secrets/keyturn-password`
\set temporal_password `cat /run/secrets/temporal-password`

CREATE ROLE keyturn LOGIN PASSWORD :'keyturn_password';
CREATE ROLE temporal LOGIN PASSWORD :'temporal_password';

CREATE DATABASE keyturn OWNER keyturn;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
