"""The steps of the page: log in, look, edit, see the diff, confirm, undo. Every attempt to change something is logged."""

import asyncio
import base64
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from bigdipper_exporter import logs
from bigdipper_exporter.api.context import Services
from bigdipper_exporter.api.limits import ClientLimit
from bigdipper_exporter.api.page import html
from bigdipper_exporter.api.page.preview import preview
from bigdipper_exporter.api.page.rows import Known, label, rows, state
from bigdipper_exporter.api.page.sessions import COOKIE, Session, Sessions
from bigdipper_exporter.api.present import snapshot
from bigdipper_exporter.archive.errors import ArchiveError
from bigdipper_exporter.archive.queries.settings import history, settings_now
from bigdipper_exporter.botconfig import rules
from bigdipper_exporter.botconfig.copies import Copy, hash_of, undo_to
from bigdipper_exporter.botconfig.edit import Edited, edit, literal
from bigdipper_exporter.botconfig.effect import COMMANDS, COOLDOWNS, not_in_effect
from bigdipper_exporter.botconfig.text import EditError
from bigdipper_exporter.botconfig.tree import parsed
from bigdipper_exporter.botconfig.write import ConfigFile, StaleError, WriteError, half_written
from bigdipper_exporter.web.authenticate import Authenticator
from bigdipper_exporter.web.config import ReloadingConfig

MOST_FORM_BYTES = 16 * 1024
LOGINS_PER_MINUTE = 12
log = logs.get("settings")
Form = Mapping[str, str]
Action = Callable[[Request, Session, Form], Awaitable[Response]]


class RefusedError(Exception):
    """What a person asked for is not done; the page says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class SettingsPage:
    """The page of one bot's config.py; one per process."""

    file: ConfigFile
    services: Services
    config: ReloadingConfig
    token: str | None

    def __post_init__(self) -> None:
        self._sessions = Sessions()
        self._passwords = Authenticator()
        self._logins = ClientLimit(LOGINS_PER_MINUTE)

    def routes(self) -> list[Route]:
        """Every address of the page."""
        posts = {"diff": self._diff, "write": self._write, "undo": self._undo, "logout": self._logout}
        return [
            Route("/config", self._table),
            Route("/config/edit", self._edit),
            Route("/config/login", self._login, methods=["GET", "POST"]),
            *(Route(f"/config/{name}", self._posted(action), methods=["POST"]) for name, action in posts.items()),
        ]

    async def _login(self, request: Request) -> Response:
        if request.method == "GET":
            return _reply(_login_form())
        form = await _form(request)
        client = request.client.host if request.client else "unknown"
        if self._logins.wait(client):
            return _reply(_login_form("Too many attempts: wait a minute."), HTTPStatus.TOO_MANY_REQUESTS)
        who = await self._person(form.get("user", "").strip(), form.get("password", ""))
        if who is None:
            log.warning("a login was refused", client=client)
            return _reply(_login_form("Wrong user, password or token."), HTTPStatus.FORBIDDEN)
        log.info("logged in", who=who, client=client)
        answer = RedirectResponse("/config", HTTPStatus.SEE_OTHER)
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, self._sessions.begin(who), path="/config", httponly=True, samesite="strict", secure=secure)
        return answer

    async def _person(self, user: str, password: str) -> str | None:
        """The name of who knows the API's token (without a user), or a password of the web config."""
        if not user:
            right = self.token is not None and hmac.compare_digest(password.encode(), self.token.encode())
            return "page, token" if right else None
        config = self.config.current()
        if not config.users:
            return None
        basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        refused = await asyncio.to_thread(self._passwords.refusal, config, basic)
        return None if refused is not None else f"page, {user}"

    def _session(self, request: Request) -> Session | None:
        return self._sessions.find(request.cookies.get(COOKIE))

    def _posted(self, action: Action) -> Callable[[Request], Awaitable[Response]]:
        """An action of a form: only with a session, its secret, and from a page of this server."""

        async def handle(request: Request) -> Response:
            session = self._session(request)
            if session is None:
                return RedirectResponse("/config/login", HTTPStatus.SEE_OTHER)
            form = await _form(request)
            site = request.headers.get("sec-fetch-site", "same-origin")
            if site not in ("same-origin", "none") or not session.has_form(form.get("form", "")):
                log.warning("a form of another page was refused", who=session.who)
                return _reply(html.page("Refused", html.paragraph("This form is not from this page.")), HTTPStatus.FORBIDDEN)
            try:
                return await action(request, session, form)
            except RefusedError as error:
                log.info("a change was refused", who=session.who, reason=error)
                return _reply(html.page("Not changed", html.paragraph(str(error), "warn"), BACK), error.status)

        return handle

    async def _table(self, request: Request) -> Response:
        session = self._session(request)
        if session is None:
            return RedirectResponse("/config/login", HTTPStatus.SEE_OTHER)
        text = request.query_params.get("q", "")[:60]
        copies = await asyncio.to_thread(self.file.copies.contents)
        earlier = html.earlier(session.form, [copy.id for copy in copies[:10]])
        try:
            data = await asyncio.to_thread(self._read)
            torn = await asyncio.to_thread(self._half_written, session, copies)
        except RefusedError as error:
            return _reply(html.page("Bot settings", html.paragraph(str(error), "warn")), error.status)
        known = await asyncio.to_thread(self._known)
        try:
            every = await asyncio.to_thread(rows, data, known)
        except EditError as error:
            said = [*torn, html.paragraph(str(error), "warn")]
            return _reply(html.page("Bot settings", *said, *earlier), HTTPStatus.CONFLICT)
        found = [row for row in every if text.upper() in row.name.upper()]
        logout = html.form("/config/logout", "Log out", [("form", session.form)])
        return _reply(html.page("Bot settings", *torn, *state(known), html.search(text), html.table(found), *earlier, logout))

    async def _edit(self, request: Request) -> Response:
        session = self._session(request)
        if session is None:
            return RedirectResponse("/config/login", HTTPStatus.SEE_OTHER)
        name = request.query_params.get("name", "")[:80]
        try:
            data = await asyncio.to_thread(self._whole)
            value = await asyncio.to_thread(_literal, data, name)
        except (RefusedError, EditError) as error:
            return _reply(html.page("Not editable", html.paragraph(str(error), "warn"), BACK), HTTPStatus.CONFLICT)
        rule = rules.RULES[name.partition(".")[0]]
        hidden = [("form", session.form), ("hash", hash_of(data)), ("name", name)]
        what = html.form("/config/diff", "Show what changes", hidden, html.field("value", label(name), value, is_first=True))
        about = [html.paragraph(f"{text}.") for text in (rule.meaning, rule.note and f"Note: {rule.note}") if text]
        return _reply(html.page(name, *about, what, BACK))

    async def _diff(self, _: Request, session: Session, form: Form) -> Response:
        data = await asyncio.to_thread(self._whole)
        if hash_of(data) != form.get("hash"):
            raise RefusedError(HTTPStatus.CONFLICT, "The file has changed since you looked at it: begin again.")
        edited = await asyncio.to_thread(_edited, data, form)
        if edited.before == edited.after:
            raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, "That is the value already.")
        hidden = [("form", session.form), *((name, form.get(name, "")) for name in ("hash", "name", "value"))]
        lines = [html.paragraph(f"Changes {line}") for line in edited.changed]
        lines += [html.paragraph(str(f), "warn") for f in edited.findings]
        lines += [html.paragraph(f"In the file before this change: {f}", "warn") for f in edited.earlier]
        meant = await asyncio.to_thread(preview, self.services, edited, form.get("name", ""), form.get("value", ""))
        diff = html.preformatted(edited.diff(self.file.path.name))
        confirm = html.form("/config/write", "Write this", hidden)
        return _reply(html.page("Write this?", *lines, *meant, diff, confirm, BACK))

    async def _write(self, _: Request, session: Session, form: Form) -> Response:
        data = await asyncio.to_thread(self._whole)
        edited = await asyncio.to_thread(_edited, data, form)
        return await self._put(session, edited.after, form.get("hash", ""), f"{form.get('name')}={form.get('value')}")

    async def _undo(self, _: Request, session: Session, form: Form) -> Response:
        name = form.get("copy", "")
        data, old = await asyncio.to_thread(self._read), await asyncio.to_thread(self.file.copies.content, name)
        if old is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "There is no such copy.")
        if form.get("confirmed") == "yes":
            return await self._put(session, old, form.get("hash", ""), undo_to(name))
        hidden = [("form", session.form), ("copy", name), ("hash", hash_of(data)), ("confirmed", "yes")]
        diff = html.preformatted(Edited(data, old, (), ()).diff(self.file.path.name) or "It is the present content.")
        confirm = html.form("/config/undo", "Bring it back", hidden) if old != data else ""
        return _reply(html.page(f"Back to {name}?", diff, confirm, BACK))

    async def _logout(self, request: Request, _session: Session, _form: Form) -> Response:
        self._sessions.end(request.cookies.get(COOKIE))
        answer = RedirectResponse("/config/login", HTTPStatus.SEE_OTHER)
        answer.delete_cookie(COOKIE, path="/config")
        return answer

    async def _put(self, session: Session, data: bytes, expected: str, what: str) -> Response:
        try:
            how = await asyncio.to_thread(self.file.write, data, expected, session.who, what)
        except StaleError as error:
            raise RefusedError(HTTPStatus.CONFLICT, f"{error}.") from None
        except WriteError as error:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from None
        log.info("the bot's settings were changed", who=session.who, what=what, how=how)
        parts = (html.paragraph(f"{what}: {how}."), html.paragraph("Not in effect yet.", "warn"), html.preformatted(COMMANDS))
        return _reply(html.page("Written", *parts, html.paragraph(COOLDOWNS), BACK))

    def _read(self) -> bytes:
        try:
            return self.file.read()
        except WriteError as error:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from None

    def _whole(self) -> bytes:
        """The content, to change it. Raises RefusedError where it was left half written."""
        self._read()
        try:
            return self.file.whole()
        except WriteError as error:
            raise RefusedError(HTTPStatus.CONFLICT, str(error)) from None

    def _half_written(self, session: Session, copies: Sequence[Copy]) -> list[str]:
        """Return what the table says of a change that was interrupted, with the button that shows the repair."""
        try:
            interrupted = self.file.interrupted()
        except WriteError as error:
            raise RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)) from None
        if interrupted is None:
            return []
        whole = (copy.id for copy in copies if copy.hash == interrupted.whole)
        repair = [html.undo("Show the repair", session.form, copy) for copy in whole]
        return [html.paragraph(half_written(self.file.path, interrupted), "warn"), *repair]

    def _known(self) -> Known:
        try:
            with self.services.archives.reading(None) as connection:
                started = snapshot(connection, self.services.limits, self.services.clock()).bot.started
                settings = {one.setting: one for one in settings_now(connection)}
                return Known(not_in_effect(history(connection), started), started, settings)
        except ArchiveError:
            return Known(None, None, {})


BACK = '<p><a href="/config">All settings</a></p>'


def _literal(data: bytes, name: str) -> str:
    return literal(parsed(data), name)


def _edited(data: bytes, form: Form) -> Edited:
    try:
        return edit(data, [(form.get("name", ""), form.get("value", ""))])
    except EditError as error:
        raise RefusedError(HTTPStatus.UNPROCESSABLE_ENTITY, str(error)) from None


def _login_form(reason: str = "") -> str:
    user = '<p><label>User (empty for the token)<br><input name="user" autocomplete="username" autofocus></label></p>'
    fields = (user, html.field("password", "Password or token", kind="password"))
    said = [html.paragraph(reason, "warn")] if reason else []
    return html.page("Bot settings", *said, html.form("/config/login", "Log in", [], *fields))


def _reply(body: str, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return HTMLResponse(body, status, html.HEADERS)


async def _form(request: Request) -> Form:
    data = await request.body()
    if len(data) > MOST_FORM_BYTES:
        return {}
    try:
        return dict(parse_qsl(data.decode("ascii"), keep_blank_values=True, max_num_fields=10))
    except ValueError:
        return {}
