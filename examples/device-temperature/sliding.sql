-- The highest temperature of each device in the last 10 seconds, every 5 seconds of the clock.
CREATE TABLE device_temperature (
    device_id INT,
    temperature DOUBLE,
    execution_time BIGINT,
    proctime AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'device-temperature',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'device-temperature-sliding',
    'scan.startup.mode' = 'earliest-offset',
    'value.format' = 'json'
);

-- The record's key is the device's id as text.
CREATE TABLE device_temperature_processed (
    device_id INT,
    max_temperature DOUBLE,
    window_start TIMESTAMP(3),
    window_end TIMESTAMP(3)
) WITH (
    'connector' = 'kafka',
    'topic' = 'device-temperature-processed',
    'properties.bootstrap.servers' = 'localhost:9092',
    'key.format' = 'csv',
    'key.fields' = 'device_id',
    'value.format' = 'json'
);

INSERT INTO device_temperature_processed
SELECT device_id,
       MAX(temperature),
       HOP_START(proctime, INTERVAL '5' SECOND, INTERVAL '10' SECOND),
       HOP_END(proctime, INTERVAL '5' SECOND, INTERVAL '10' SECOND)
FROM device_temperature
GROUP BY device_id, HOP(proctime, INTERVAL '5' SECOND, INTERVAL '10' SECOND);
