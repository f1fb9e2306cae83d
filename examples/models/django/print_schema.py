"""Prints the models of all apps as SQL. Django asks the database how to quote; an empty one will do."""
import os

import django

os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')
django.setup()

from django.apps import apps  # noqa: E402 (the apps are there after setup)
from django.db import connection  # noqa: E402

with connection.schema_editor(collect_sql=True, atomic=False) as editor:
    for model in apps.get_models():
        if model._meta.managed and not model._meta.proxy:
            editor.create_model(model)
print('\n'.join(editor.collected_sql))
