"""Users, and the networks they have logged in from."""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import migrations, models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.handles import validate_handle_not_reserved
from accounts.models import HandleSkeletonField
from momentverse.timezones import validate_time_zone


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.CreateModel(
            name="User",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                (
                    "last_login",
                    models.DateTimeField(blank=True, null=True, verbose_name="last login"),
                ),
                (
                    "is_superuser",
                    models.BooleanField(
                        default=False,
                        help_text="Designates that this user has all permissions without explicitly assigning them.",
                        verbose_name="superuser status",
                    ),
                ),
                (
                    "email",
                    models.EmailField(
                        error_messages={
                            "unique": "There is an account with this e-mail address already."
                        },
                        max_length=254,
                        unique=True,
                        verbose_name="e-mail address",
                    ),
                ),
                (
                    "handle",
                    models.CharField(
                        help_text="Public, part of the profile's address.",
                        max_length=30,
                        unique=True,
                        validators=[
                            RegexValidator(
                                "^[a-z0-9](?:[a-z0-9]|[-_](?=[a-z0-9])){1,29}\\Z",
                                "Use 2 to 30 letters from a to z, digits, and single hyphens or underscores between them.",
                            ),
                            validate_handle_not_reserved,
                        ],
                    ),
                ),
                (
                    "handle_skeleton",
                    HandleSkeletonField(editable=False, max_length=30, unique=True),
                ),
                ("display_name", models.CharField(blank=True, max_length=60)),
                ("bio", models.TextField(blank=True, max_length=500)),
                (
                    "time_zone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[validate_time_zone],
                    ),
                ),
                ("is_staff", models.BooleanField(default=False, verbose_name="may use the admin")),
                ("is_active", models.BooleanField(default=True, verbose_name="may log in")),
                ("erase_after", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "date_joined",
                    models.DateTimeField(default=timezone.now, editable=False),
                ),
                (
                    "groups",
                    models.ManyToManyField(
                        blank=True,
                        help_text="The groups this user belongs to. A user will get all permissions granted to each of their groups.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.group",
                        verbose_name="groups",
                    ),
                ),
                (
                    "user_permissions",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Specific permissions for this user.",
                        related_name="user_set",
                        related_query_name="user",
                        to="auth.permission",
                        verbose_name="user permissions",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("email", Lower("email"))),
                        name="user_email_lower_case",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("handle", Lower("handle"))),
                        name="user_handle_lower_case",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownNetwork",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network_hash", models.CharField(max_length=64)),
                ("last_used_at", models.DateTimeField(default=timezone.now)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="known_networks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "network_hash"), name="known_network_once"
                    )
                ],
            },
        ),
    ]
