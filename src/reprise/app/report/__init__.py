"""The report of a comparison."""
from reprise.app.report.page import render_report, write_report

__all__ = ["render_report", "write_report"]
