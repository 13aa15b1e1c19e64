"""Alerting: notification rules, delivery queue and sinks. Independent of any screen."""
