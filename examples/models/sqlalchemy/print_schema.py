"""Prints the models of models.py as SQL. It needs SQLAlchemy and a driver for PostgreSQL, and no database."""
from sqlalchemy import create_mock_engine

from models import Base


def show(statement, *_args, **_options):
    print(str(statement.compile(dialect=engine.dialect)).strip() + ';')


engine = create_mock_engine('postgresql+psycopg://', show)
Base.metadata.create_all(engine, checkfirst=False)
