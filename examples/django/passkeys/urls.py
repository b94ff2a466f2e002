from django.conf import settings
from django.urls import path
from django.views.static import serve

from passkeys import views

files = ["index.html", "page.js", "passkeys.js", "style.css"]

urlpatterns = [
    path("me", views.me),
    path("register/start", views.register_start),
    path("register/finish", views.register_finish),
    path("passkeys/start", views.add_start),
    path("passkeys/finish", views.add_finish),
    path("passkeys/rename", views.rename),
    path("passkeys/delete", views.delete),
    path("sign-in/start", views.sign_in_start),
    path("sign-in/finish", views.sign_in_finish),
    path("step-up/start", views.step_up_start),
    path("step-up/finish", views.step_up_finish),
    path("sign-out", views.sign_out),
    path("", serve, {"path": "index.html", "document_root": settings.WEB}),
    *(path(file, serve, {"path": file, "document_root": settings.WEB}) for file in files),
]
