"""An objective of a probe, which nobody sends: what it found is written by the test."""

from bot.core.slo.probes import Outcome, ProbeAnswer

SLO_FILE = """\
apiVersion: openslo/v1
kind: DataSource
metadata: {name: api-probe}
spec:
  type: probe
  connectionDetails: {url: "http://127.0.0.1:9/", interval: 1h}
---
apiVersion: openslo/v1
kind: SLO
metadata: {name: api-availability, displayName: API availability}
spec:
  service: api
  indicator:
    spec:
      ratioMetric:
        good:
          metricSource: {metricSourceRef: api-probe, type: probe, spec: {measure: success}}
        total:
          metricSource: {metricSourceRef: api-probe, type: probe, spec: {measure: all}}
  timeWindow: [{duration: 30d, isRolling: true}]
  budgetingMethod: Occurrences
  objectives: [{target: 0.95}]
"""
FINE, DOWN = ProbeAnswer(Outcome.OK, 80, 200), ProbeAnswer(Outcome.CONNECTION, 3)
