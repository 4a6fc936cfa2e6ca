CREATE TABLE sahibinden (
    id INT,
    product STRING,
    description STRING,
    price INT,
    kdv DOUBLE,
    price_with_kdv AS (price * (1 + kdv)),
    timestamp_column TIMESTAMP(3),
    WATERMARK FOR timestamp_column AS timestamp_column - INTERVAL '5' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'sahibinden',
    'properties.bootstrap.servers' = 'kafka:29092',
    'properties.group.id' = 'sahibinden-group',
    'scan.startup.mode' = 'earliest-offset',
    'value.format' = 'json'
);

CREATE TABLE write_csv (
    id INT,
    product STRING,
    description STRING,
    price INT,
    kdv DOUBLE,
    price_with_kdv DOUBLE,
    window_start TIMESTAMP
) WITH (
    'connector' = 'filesystem',
    'path' = 'file:///opt/flink/data/output',
    'format' = 'csv',
    'csv.field-delimiter' = ',',
    'csv.ignore-parse-errors' = 'true',
    'csv.record-row-delimiter' = '\n'
);

INSERT INTO write_csv
SELECT id, product, description, price, kdv, price_with_kdv,
       TUMBLE_START(timestamp_column, INTERVAL '2' MINUTE) AS window_start
FROM sahibinden
GROUP BY TUMBLE(timestamp_column, INTERVAL '2' MINUTE), id, product, description, price, kdv, price_with_kdv;
