"""Objectives of a shop that a probe looks at, as its file of objectives has them."""


def probed(details: str) -> str:
    """The probe; ``details`` is what it asks, within braces."""
    return f"""\
apiVersion: openslo/v1
kind: DataSource
metadata: {{name: shop}}
spec: {{type: probe, connectionDetails: {{{details}}}}}
"""


AVAILABILITY = """\
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: availability}
spec:
  service: shop
  indicator:
    spec:
      ratioMetric:
        good: {metricSource: {metricSourceRef: shop, type: probe, spec: {measure: success}}}
        total: {metricSource: {metricSourceRef: shop, type: probe, spec: {measure: all}}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.99}]
"""


def latency(objective: str, *, budgeting: str = "Occurrences", more: str = "") -> str:
    """95 % within a limit; ``objective`` has the limit, ``more`` is of its metadata."""
    return f"""\
---
apiVersion: openslo/v1
kind: SLO
metadata: {{name: latency{more}}}
spec:
  service: shop
  indicator:
    spec:
      thresholdMetric:
        metricSource: {{metricSourceRef: shop, type: probe, spec: {{measure: latency_ms}}}}
  timeWindow: [{{duration: 30d, isRolling: true}}]
  budgetingMethod: {budgeting}
  objectives: [{{target: 0.95, op: lte, {objective}}}]
"""
