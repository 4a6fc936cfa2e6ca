-- The highest temperature of each device in each stretch of readings without a pause of 3 seconds.
CREATE TABLE device_temperature (
    device_id INT,
    temperature DOUBLE,
    execution_time BIGINT,
    proctime AS PROCTIME()
) WITH (
    'connector' = 'kafka',
    'topic' = 'device-temperature',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'device-temperature-session',
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
       SESSION_START(proctime, INTERVAL '3' SECOND),
       SESSION_END(proctime, INTERVAL '3' SECOND)
FROM device_temperature
GROUP BY device_id, SESSION(proctime, INTERVAL '3' SECOND);
