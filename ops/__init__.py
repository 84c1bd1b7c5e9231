"""What runs beside the pipeline: Prometheus, Grafana, and Apache Kafka for the tests."""
