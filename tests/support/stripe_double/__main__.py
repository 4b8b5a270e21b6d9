"""Run the double in its own process until the process is terminated."""

from __future__ import annotations

import argparse
import threading

from tests.support.stripe_double.server import StripeDouble

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--live", action="store_true")
options = parser.parse_args()

with StripeDouble(port=options.port, live=options.live) as stripe:
    print(stripe.url, flush=True)
    threading.Event().wait()
