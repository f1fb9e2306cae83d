"""The schema of a small shop, as SQLAlchemy's models say it."""
from sqlalchemy import BigInteger, Boolean, ForeignKey, Identity, Index, Integer, Text, func, true
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    pass


class Team(Base):
    __tablename__ = 'teams'
    id: Mapped[int] = mapped_column(Integer, Identity(always=True), primary_key=True)
    name: Mapped[str] = mapped_column(Text, unique=True)


class User(Base):
    __tablename__ = 'users'
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    email: Mapped[str] = mapped_column(Text)
    active: Mapped[bool] = mapped_column(Boolean, server_default=true())
    team: Mapped[int | None] = mapped_column(ForeignKey('teams.id', ondelete='CASCADE'))


Index('users_email', func.lower(User.email))
