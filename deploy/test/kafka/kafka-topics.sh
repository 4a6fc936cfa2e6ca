#!/bin/bash
# Kafka's topic command, under the path that apache/kafka has it.
exec java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xmx128m -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -cp '/opt/kafka/libs/*' \
    org.apache.kafka.tools.TopicCommand "$@"
