"""The timeline's models: one model, or one family of models, per file."""

from timeline.models.like import Like, LikeTally
from timeline.models.moment import Moment, MomentQuerySet, Status, Visibility
from timeline.models.order import Order, OrderEmail, OrderLogEntry, OrderStatus
from timeline.models.payment import (
    UNSETTLED,
    Checkout,
    CheckoutState,
    PaymentEvent,
    Refund,
    SandboxSession,
)
from timeline.models.picture import Picture
from timeline.models.report import Report
from timeline.models.revision import MomentRevision
from timeline.models.rollup import RollupDay, RollupPeriod
from timeline.models.tag import MomentTag, Tag

__all__ = [
    "UNSETTLED",
    "Checkout",
    "CheckoutState",
    "Like",
    "LikeTally",
    "Moment",
    "MomentQuerySet",
    "MomentRevision",
    "MomentTag",
    "Order",
    "OrderEmail",
    "OrderLogEntry",
    "OrderStatus",
    "PaymentEvent",
    "Picture",
    "Refund",
    "Report",
    "RollupDay",
    "RollupPeriod",
    "SandboxSession",
    "Status",
    "Tag",
    "Visibility",
]
