"""A stateful double of Stripe's API, spoken to over HTTP.

In a test, with the fixtures of ``tests/support/payments.py``::

    def test_it(stripe_double, stripe_settings): ...

anywhere else, also for another process::

    with StripeDouble() as stripe:                      # live=True, port=…, where wanted
        environment |= stripe.environment()             # PAYMENT_PROVIDER, STRIPE_…
    python -m tests.support.stripe_double --port 12111          # prints its address

**What it serves** below ``stripe.url``: sessions of Checkout (create, get, expire, list), payment
intents, refunds (create, list), disputes and events (list). Faithful where we rely on it: form-encoded
nested parameters, unknown ones refused; the secret key; idempotency keys (same parameters: the kept
answer with ``Idempotent-Replayed``, also a kept 500 or a refusal, for 24 h; others: 400; at once: 409);
a session's 30 minutes to 24 hours; nothing paid back twice; ``starting_after``; a session expires by
Stripe's clock.

**The buyer and the bank**, methods that return the object as JSON: ``pay(session)``,
``pay_unpaid(session)`` then ``succeed_async(session)`` or ``fail_async(session)``, ``expire(session)``;
``refund(payment, amount=None)`` as in the dashboard, ``fail_refund(refund)``, ``refund_status`` of new
ones (``"succeeded"``, ``"pending"``, ``"failed"``);
``open_dispute(payment)``, then ``win_dispute(dispute)`` or ``lose_dispute(dispute)``; before paying
``change(session, amount=…, currency=…)``; ``set_clock(seconds)`` ahead of ours; ``forget_events()``.
Each takes an id; ``find(key)`` gives that of the session made for an idempotency key of ours.

**Looking**: ``sessions()``, ``open_sessions()``, ``captured(payment)``, ``refunded(payment)``,
``totals()`` of both; ``calls`` counts by ``"POST /v1/checkout/sessions/:id/expire"``; ``requests`` has
each call with its headers and parameters.

**Messages**: every change makes an event, kept in ``events``, oldest first;
``events_of("charge.refunded")``. ``deliver(url, *events, times=1, at_once=1, offset=0, secret=None,
altered=False)`` posts them signed, in the order given, by default all there are, and returns the
statuses (0: no answer). ``offset`` moves the time that it is signed with, ``secret`` forges,
``altered`` changes the body after signing. ``signed(event, offset=0, secret=None)`` gives body and
header, to post yourself.

**Faults**, each ``times`` often (None: until ``heal()``), for the calls that ``call`` matches, such as
``"POST /v1/checkout/sessions"``, ``"POST /v1/refunds"``, ``"GET *"``: ``slow(seconds, call, times)`` does
the work and answers late, or when ``heal()`` is called; ``stall(seconds, call, times)`` waits
and has done nothing; ``drop(call, times)`` does it and hangs up;
``fail(call, times)`` does it, answers 500 and keeps that under the key; ``answer(status, call, times,
code=…)`` does nothing and says so, 503 for instance; ``refuse_refunds(times, kept=False)`` refuses for
want of money, and keeps that under the key or not. Our library repeats a call twice: a Stripe that is
away takes ``times=None``.

**From another process** all these methods are ``POST /double/<method>`` with a JSON object of arguments,
and ``GET /double/state`` shows all. ``RemoteDouble(url)`` calls them: ``RemoteDouble(url).pay(session=…)``;
its ``deliver(url=…, events=[ids])`` names events by id.
"""

from tests.support.stripe_double.remote import RemoteDouble
from tests.support.stripe_double.server import StripeDouble

__all__ = ["RemoteDouble", "StripeDouble"]
