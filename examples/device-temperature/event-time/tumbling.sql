-- The highest temperature of each device in every 5 seconds.
-- By the readings' own time, `execution_time` in milliseconds since 1970: the same input always gives the same rows.
CREATE TABLE device_temperature (
    device_id INT,
    temperature DOUBLE,
    execution_time BIGINT,
    event_time AS TO_TIMESTAMP_LTZ(execution_time, 3),
    WATERMARK FOR event_time AS event_time - INTERVAL '1' SECOND
) WITH (
    'connector' = 'kafka',
    'topic' = 'device-temperature',
    'properties.bootstrap.servers' = 'localhost:9092',
    'properties.group.id' = 'device-temperature-tumbling',
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
       TUMBLE_START(event_time, INTERVAL '5' SECOND),
       TUMBLE_END(event_time, INTERVAL '5' SECOND)
FROM device_temperature
GROUP BY device_id, TUMBLE(event_time, INTERVAL '5' SECOND);
