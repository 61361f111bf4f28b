"""AWS as a source: the operations of its services, read from botocore's models and called through its clients."""

from banyan.tools.aws.backend import AwsBackend, AwsLimits

__all__ = ["AwsBackend", "AwsLimits"]
