"""The client of the pipeline protocol: what the host is asked and told, over its socket or over a `sparkwright decide` of our own."""

from .lines import Lines, LinesClosed, connect, start_decide
from .link import Answer, Begun, Decision, Ended, HostLink, Opened

__all__ = ["Answer", "Begun", "Decision", "Ended", "HostLink", "Lines", "LinesClosed", "Opened", "connect", "start_decide"]
