"""The schema of a small shop, as Django's models say it."""
from django.db import models
from django.db.models.functions import Lower


class Team(models.Model):
    name = models.TextField(unique=True)

    class Meta:
        db_table = 'teams'


class User(models.Model):
    email = models.TextField()
    active = models.BooleanField(db_default=True)
    team = models.ForeignKey(Team, null=True, on_delete=models.CASCADE)

    class Meta:
        db_table = 'users'
        indexes = [models.Index(Lower('email'), name='users_email')]
