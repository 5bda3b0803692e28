"""The floor for check-in: Flask and SQLAlchemy, no sign-in, no rules; one row under a unique key, one commit."""

import os

from flask import Flask, request
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from timebank.core.db import lock_name, prepare_engine, write_session
from timebank.core.keys import Keys


class Base(DeclarativeBase):
    """Parent of the one table."""


class BareScan(Base):
    """One scan, nothing else."""

    __tablename__ = "bare_scan"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    shift_id: Mapped[int]
    member_id: Mapped[int]


db = SQLAlchemy(model_class=Base)
app = Flask(__name__)
app.config["SQLALCHEMY_DATABASE_URI"] = os.environ["DATABASE_URL"]
db.init_app(app)
with app.app_context():
    prepare_engine(db.engine, Keys(b"nothing is sealed here"))
    with write_session(db.session()) as first:
        lock_name(first, "bare")  # several workers start at once
        Base.metadata.create_all(first.connection())
    db.session.remove()
    db.engine.dispose()  # no connection goes to the workers that are forked from here


@app.post("/scan")
def scan() -> tuple[str, int]:
    """Insert one row and commit."""
    with write_session(db.session()) as session:
        session.add(
            BareScan(
                key=request.form["key"], shift_id=int(request.form["shift"]), member_id=int(request.form["member"])
            )
        )
    return "", 204
