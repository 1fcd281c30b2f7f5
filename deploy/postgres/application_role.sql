-- Runs once, when the database is first made: the services' own role, which can change no table (what it may do with
-- the rows, `python -m deploy.prepare` says).
\getenv password POSTGRES_APP_PASSWORD
CREATE ROLE gateway_app LOGIN PASSWORD :'password';
REVOKE ALL ON DATABASE :"DBNAME" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"DBNAME" TO gateway_app;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
