"""What happens next, and when: methods for logs of events behind one protocol, their scores, and anomalies."""
