CREATE TABLE t WITH (sync = none) AS SELECT 1 -- x
;