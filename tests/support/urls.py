"""The site's URLs, and views for tests of caching, errors, databases and limits below /t/ and /api/t/."""

import os
import secrets
import time

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.db import InterfaceError, OperationalError, connection, connections, transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, UnreadablePostError
from django.shortcuts import get_object_or_404
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from accounts.models import User
from momentverse import page_cache
from momentverse import urls as site
from momentverse.db import replica
from momentverse.page_cache import PROFILES, TIMELINE, public_page

handler400, handler403 = site.handler400, site.handler403
handler404, handler500 = site.handler404, site.handler500

WAITING_LOCK = 4711
# Try a failed server again soon; otherwise each test of that would wait for ten seconds.
replica.RETRY_SECONDS = 1.0
# The requests that the views below have received.
received = []


def fine(request):
    return HttpResponse("<p>fine</p>" * 50)


def fine_json(request):
    return JsonResponse({"ok": True, "data": "fine"})


@public_page(30)
def public(request):
    received.append(request)
    return HttpResponse("<p>for everybody</p>" * 50)


@public_page(TIMELINE, PROFILES, parameters=("before", "after"))
def cached(request):
    """A page that shows how often it was rendered, and its query string."""
    received.append(request)
    return HttpResponse(
        f"<p>rendered {len(received)} times, query {request.META['QUERY_STRING']}</p>"
        + "<p>padding</p>" * 50
    )


@public_page(TIMELINE, parameters=())
def slow_cached(request):
    """A page that takes 0.3 s, and differs each time that it is rendered."""
    time.sleep(0.3)
    return HttpResponse(secrets.token_hex(8))


@public_page(TIMELINE, parameters=())
def large_cached(request):
    """A page that is larger than a socket's buffer."""
    return HttpResponse("<p>large</p>" * 25_000)


@public_page(TIMELINE, parameters=())
def tiny(request):
    received.append(request)
    return HttpResponse("tiny")


@public_page(TIMELINE, parameters=())
def varying(request):
    received.append(request)
    return HttpResponse("in one of several languages", headers={"Vary": "Accept-Language"})


@public_page(30)
def public_with_cookie(request):
    response = HttpResponse("for one")
    response.set_cookie("taste", "plain")
    return response


@public_page(30)
def public_missing(request):
    raise Http404("There is no such moment.")


def raiser(exception):
    def view(request: HttpRequest) -> HttpResponse:
        raise exception

    return view


def missing_object(request):
    get_object_or_404(User, handle="nobody-at-all")


def body_length(request):
    return HttpResponse(str(len(request.POST.get("text", ""))))


def add_message(request):
    messages.info(request, "Said once.")
    return HttpResponse("added")


def show_user(request):
    return HttpResponse(str(request.user))


def count_users(request):
    users = User.objects.all()
    return HttpResponse(f"{users.count()} by {users.db}")


@public_page(TIMELINE, parameters=())
def count_users_cached(request):
    return count_users(request)


def query_database(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("answered")


def wait_in_database(request):
    """Use a connection until the test releases the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [WAITING_LOCK])
        cursor.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
    return HttpResponse("waited")


def add_user(request):
    handle = f"person-{User.objects.count()}"
    user = User.objects.get_or_create_curator(handle, "Person")
    page_cache.invalidate(page_cache.TIMELINE)
    return HttpResponse(user.handle)


def show_databases(request):
    """Return the number of users, and the databases that reads use before, in and after a transaction.

    ``?write`` writes in between, ``?break`` ends the replica's connection.
    """
    users = User.objects.all()
    counts = f"{users.count()} by {users.db}"
    if "write" in request.GET:
        User.objects.filter(handle="nobody-at-all").update(display_name="x")
    if "break" in request.GET and users.db == "replica":
        with connections["replica"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with transaction.atomic():
        inside = User.objects.all().db
    return HttpResponse(f"{counts}, in a transaction by {inside}, then by {User.objects.all().db}")


def show_process(request):
    return HttpResponse(str(os.getpid()))


def show_script_name(request):
    return HttpResponse(f"{request.META['SCRIPT_NAME']}|{request.path}")


failures = {
    "boom": RuntimeError("the secret is 12345"),
    "denied": PermissionDenied(),
    "denied-with-words": PermissionDenied("Only its owner may do that."),
    "bad": BadRequest("`from` must be a date."),
    "suspicious": SuspiciousOperation("internal words"),
    "missing": Http404("There is no such moment."),
    "away": OperationalError("connection to server at 10.1.2.3 failed"),
    "interface": InterfaceError("connection already closed"),
    "hung-up": UnreadablePostError("client disconnected"),
}

pages = [
    path("fine/", fine),
    path("public/", public),
    path("cached/", cached),
    path("slow-cached/", slow_cached),
    path("large-cached/", large_cached),
    path("tiny/", tiny),
    path("varying/", varying),
    path("public-with-cookie/", public_with_cookie),
    path("public-missing/", public_missing),
    path("missing-object/", missing_object),
    path("post-only/", require_POST(fine)),
    path("form/", body_length),
    path("form-exempt/", csrf_exempt(body_length)),
    path("say/", add_message),
    path("who/", show_user),
    path("people/", count_users),
    path("people/cached/", count_users_cached),
    path("people/add/", csrf_exempt(add_user)),
    path("people/where/", csrf_exempt(show_databases)),
    path("database/", query_database),
    path("database/wait/", wait_in_database),
    path("script-name/", show_script_name),
    path("process/", show_process),
    *[path(f"{name}/", raiser(exception)) for name, exception in failures.items()],
]

urlpatterns = [
    *site.urlpatterns,
    path("t/", include(pages)),
    path("api/t/", include([*pages, path("json/", fine_json)])),
]
