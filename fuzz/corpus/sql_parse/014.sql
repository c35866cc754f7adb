CREATE EXTERNAL TABLE sales (date DATE, product STRING, revenue DOUBLE) STORED AS parquet
 LOCATION 's3://datalake/sales/**/*.parquet' PARTITIONED BY (year INT, month) WITH (a = 1)