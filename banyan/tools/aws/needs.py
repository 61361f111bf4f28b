"""What a source of AWS still needs, found without asking anybody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from banyan.core.source import Need
from banyan.tools.aws.clients import AwsConfig, new_session
from banyan.tools.aws.models import NOT_INSTALLED

if TYPE_CHECKING:
    from botocore.session import Session

_CONTAINER = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
_ASKING = ("container-role", "iam-role", "custom-process")
"""Providers of credentials that ask somebody, or run a program, as soon as they are looked at."""


def needs_of(config: AwsConfig, environment: Mapping[str, str]) -> list[Need]:
    """Return what is missing before anything can be called.

    Args:
        config: the source's.
        environment: of this process; it says whether a container hands out credentials.
    """
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return [Need(what=NOT_INSTALLED, fix="pip install 'banyan-agents[aws]'")]
    try:
        session = new_session(config)
        found = []
        if not (config.region or session.get_config_variable("region")):
            fix = "`banyan add aws --region REGION`, or set AWS_REGION"
            found.append(Need(what="no region is set: only services without regions can be called", fix=fix))
        if not (config.credentials or config.instance_metadata or _has_credentials(session, environment)):
            fix = "`aws configure`, or `banyan add aws --profile NAME`"
            found.append(Need(what="there are no AWS credentials", fix=fix))
    except BotoCoreError as error:
        return [Need(what=f"the AWS configuration cannot be used: {error}", fix="see ~/.aws/config and --profile")]
    return found


def _has_credentials(session: Session, environment: Mapping[str, str]) -> bool:
    if any(environment.get(name) for name in _CONTAINER):
        return True
    if session.get_scoped_config().get("credential_process"):
        return True
    chain = session.get_component("credential_provider")
    for method in _ASKING:
        if any(method == one.METHOD for one in chain.providers):
            chain.remove(method)
    return chain.load_credentials() is not None
