"""A double of Stripe's API that keeps state and is called over HTTP.

In a test, with the fixtures of ``tests/support/payments.py``::

    def test_it(stripe_double, stripe_settings): ...

Anywhere else, also for another process::

    with StripeDouble() as stripe:                      # options: live=True, port=…
        environment |= stripe.environment()             # PAYMENT_PROVIDER, STRIPE_…
    python -m tests.support.stripe_double --port 12111  # prints its URL

**API** below ``stripe.url``: Checkout sessions (create, get, expire, list), payment intents,
refunds (create, list), disputes (list) and events (list). It behaves like Stripe where we rely on
it: nested form parameters, and an error for unknown ones; the secret key; idempotency keys; a
session's lifetime of 30 minutes to 24 hours by Stripe's clock; no refund above what is left;
``starting_after``. A call with a used idempotency key gets the stored response with
``Idempotent-Replayed``, for 24 hours; a stored response may be a 500 or a refusal. With other
parameters it gets 400, and while the first call is still running, 409.

**The buyer and the bank**, methods that return the object as JSON. Each takes an id.
``pay(session)``; ``pay_async(session)`` followed by ``succeed_async(session)`` or
``fail_async(session)``; ``expire(session)``; ``refund(payment, amount=None)`` as in the dashboard;
``fail_refund(refund)``; ``open_dispute(payment)`` followed by ``win_dispute(dispute)`` or
``lose_dispute(dispute)``; ``change_session(session, amount=…, currency=…)`` before it is paid.
``refund_status`` is the status of new refunds: ``"succeeded"``, ``"pending"`` or ``"failed"``.
``set_clock(seconds)`` sets Stripe's clock ahead of ours, ``forget_events()`` makes all events too
old to be listed, and ``find_session(key)`` returns the id of the session with an idempotency key.

**Queries**: ``sessions()``, ``open_sessions()``, ``captured(payment)``, ``refunded(payment)``, and
``totals()`` of both. ``calls`` counts calls by name, such as
``"POST /v1/checkout/sessions/:id/expire"``; ``requests`` has each call with its headers and
parameters.

**Events**: every change adds an event to ``events``, oldest first; ``events_of("charge.refunded")``
filters them. ``deliver(url, *events, times=1, at_once=1, offset=0, secret=None, tampered=False)``
posts these events, or all, signed and in this order, and returns the statuses (0: no response).
``offset`` shifts the signing time, ``secret`` forges the signature, ``tampered`` changes the body
after signing. ``signed(event, offset=0, secret=None)`` returns the body and the header, for a test
that posts them itself.

**Faults**. Each affects ``times`` calls (None: until ``clear_faults()``) whose name matches ``call``,
such as ``"POST /v1/refunds"`` or ``"GET *"``:

- ``slow(seconds, call, times)`` does the work and responds late, or when ``clear_faults()`` is called;
- ``stall(seconds, call, times)`` waits as long, and does no work;
- ``drop(call, times)`` does the work and closes the connection;
- ``fail(call, times)`` does the work, responds with 500, and stores that under the key;
- ``respond_with(status, call, times, code=…)`` does no work and responds with this status;
- ``refuse_refunds(times, stored=False)`` refuses refunds for lack of money, stored under the key or not.

Stripe's library retries a call twice, so to simulate an outage use ``times=None``.

**From another process** all these methods are ``POST /double/<method>`` with the arguments as a JSON
object, and ``GET /double/state`` returns the state. ``RemoteDouble(url)`` calls them:
``RemoteDouble(url).pay(session=…)``. Its ``deliver(url=…, events=[ids])`` takes the ids of events.
"""

from tests.support.stripe_double.remote import RemoteDouble
from tests.support.stripe_double.server import StripeDouble

__all__ = ["RemoteDouble", "StripeDouble"]
