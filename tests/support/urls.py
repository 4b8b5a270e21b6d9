"""Pages that do what the floor has to cope with, beside the site's own health and admin."""

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
# A server that was away is tried again soon: else each test of it would wait for ten seconds.
replica.RETRY_SECONDS = 1.0
# The requests that pages below were made from.
seen = []


def fine(request):
    return HttpResponse("<p>fine</p>" * 50)


def fine_json(request):
    return JsonResponse({"ok": True, "data": "fine"})


@public_page(30)
def public(request):
    seen.append(request)
    return HttpResponse("<p>for everybody</p>" * 50)


@public_page(TIMELINE, PROFILES, parameters=("before", "after"))
def kept(request):
    """A page that shows how often it was made, and all that it was given."""
    seen.append(request)
    return HttpResponse(
        f"<p>made {len(seen)} times, query {request.META['QUERY_STRING']}</p>"
        + "<p>padding</p>" * 50
    )


@public_page(TIMELINE, parameters=())
def slow_kept(request):
    """A page that takes its time, and is another one each time that it is made."""
    time.sleep(0.3)
    return HttpResponse(secrets.token_hex(8))


@public_page(TIMELINE, parameters=())
def large_kept(request):
    """A page that no socket takes at once."""
    return HttpResponse("<p>large</p>" * 25_000)


@public_page(TIMELINE, parameters=())
def tiny(request):
    seen.append(request)
    return HttpResponse("tiny")


@public_page(TIMELINE, parameters=())
def picky(request):
    seen.append(request)
    return HttpResponse("for speakers of something", headers={"Vary": "Accept-Language"})


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


def say(request):
    messages.info(request, "Said once.")
    return HttpResponse("said")


def who(request):
    return HttpResponse(str(request.user))


def count_people(request):
    people = User.objects.all()
    return HttpResponse(f"{people.count()} by {people.db}")


@public_page(TIMELINE, parameters=())
def kept_people(request):
    return count_people(request)


def ask_database(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("answered")


def wait_in_database(request):
    """Hold a connection until a test lets go of the lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [WAITING_LOCK])
        cursor.execute("SELECT pg_advisory_unlock(%s)", [WAITING_LOCK])
    return HttpResponse("waited")


def add_person(request):
    handle = f"person-{User.objects.count()}"
    person = User.objects.get_or_create_curator(handle, "Person")
    page_cache.invalidate(page_cache.TIMELINE)
    return HttpResponse(person.handle)


def people_and_where(request):
    """Say how many people there are, by which database, and what that was left for."""
    people = User.objects.all()
    counts = f"{people.count()} by {people.db}"
    if "write" in request.GET:
        User.objects.filter(handle="nobody-at-all").update(display_name="x")
    if "break" in request.GET and people.db == "replica":
        with connections["replica"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    with transaction.atomic():
        inside = User.objects.all().db
    return HttpResponse(f"{counts}, in a transaction by {inside}, then by {User.objects.all().db}")


def process(request):
    return HttpResponse(str(os.getpid()))


def script_name(request):
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
    path("kept/", kept),
    path("slow-kept/", slow_kept),
    path("large-kept/", large_kept),
    path("tiny/", tiny),
    path("picky/", picky),
    path("public-with-cookie/", public_with_cookie),
    path("public-missing/", public_missing),
    path("missing-object/", missing_object),
    path("post-only/", require_POST(fine)),
    path("form/", body_length),
    path("form-exempt/", csrf_exempt(body_length)),
    path("say/", say),
    path("who/", who),
    path("people/", count_people),
    path("people/kept/", kept_people),
    path("people/add/", csrf_exempt(add_person)),
    path("people/where/", csrf_exempt(people_and_where)),
    path("database/", ask_database),
    path("database/wait/", wait_in_database),
    path("script-name/", script_name),
    path("process/", process),
    *[path(f"{name}/", raiser(exception)) for name, exception in failures.items()],
]

urlpatterns = [
    *site.urlpatterns,
    path("t/", include(pages)),
    path("api/t/", include([*pages, path("json/", fine_json)])),
]
