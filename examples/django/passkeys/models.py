import uuid

from django.db import models


def new_identity():
    return f"user-{uuid.uuid4()}"


class Account(models.Model):
    """The identity is what passkeyd knows: it is random, never changes, and says nothing about the person."""

    name = models.CharField(max_length=64, unique=True)
    identity = models.CharField(max_length=64, unique=True)
