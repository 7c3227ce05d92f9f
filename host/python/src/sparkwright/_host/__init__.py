"""The client of the pipeline protocol: requests to the host over its socket, or to a `sparkwright decide` that this package starts."""

from .lines import Lines, LinesClosed, connect, start_decide
from .link import Answer, Begun, Decision, Ended, HostLink, Opened

__all__ = ["Answer", "Begun", "Decision", "Ended", "HostLink", "Lines", "LinesClosed", "Opened", "connect", "start_decide"]
