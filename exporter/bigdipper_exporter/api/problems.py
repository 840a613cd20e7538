"""Errors as problem+json (RFC 9457): what is wrong, with which field, and what is allowed."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from bigdipper_exporter import logs
from bigdipper_exporter.archive.errors import ArchiveError

MEDIA_TYPE = "application/problem+json"
_LONGEST = 200

log = logs.get("api")


class FieldProblem(BaseModel):
    """What is wrong with one field of a request."""

    field: str = Field(description="Where it is: `query.limit`, `path.symbol`, `body`.", examples=["query.limit"])
    message: str = Field(
        description="What is wrong and what is allowed.", examples=["Input should be less than or equal to 500"]
    )


class ProblemDetails(BaseModel):
    """An error, as RFC 9457 has it."""

    type: str = Field(description="Always about:blank: the status says the kind.", examples=["about:blank"])
    title: str = Field(description="The status in words.", examples=["Unprocessable Content"])
    status: int = Field(description="The HTTP status.", examples=[422])
    detail: str = Field(description="What went wrong.", examples=["query.limit: Input should be less than or equal to 500"])
    errors: list[FieldProblem] = Field(description="The fields that are wrong; empty where it is no field.", examples=[[]])


class Problem(Exception):
    """An error that the client gets as problem+json."""

    def __init__(self, status: int, detail: str, *, field: str | None = None, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, f"{field}: {detail}" if field else detail, headers
        self.errors = [FieldProblem(field=field, message=detail)] if field else []


def problem(
    status: int, detail: str, errors: Sequence[FieldProblem] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """The response of an error."""
    title = HTTPStatus(status).phrase
    body = ProblemDetails(type="about:blank", title=title, status=status, detail=detail, errors=list(errors))
    more = {"Cache-Control": "no-store", **(headers or {})}
    return JSONResponse(body.model_dump(), status, more, MEDIA_TYPE)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Errors for the OpenAPI description of an endpoint."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def _path(location: Sequence[str | int]) -> str:
    return ".".join(str(part) for part in location)


def _allowed(dependant: Dependant, name: object) -> str | None:
    """What the OpenAPI text says of a parameter, with its example; None where it has none of that name."""
    for parameter in (*dependant.path_params, *dependant.query_params, *dependant.header_params):
        if parameter.alias == name and (said := parameter.field_info.description):
            return said.removesuffix(".") + "".join(f", such as {one}" for one in (parameter.field_info.examples or ())[:1])
    return next((said for inner in dependant.dependencies if (said := _allowed(inner, name))), None)


def _message(request: Request, error: Mapping[str, Any]) -> str:
    """What is wrong, and what is allowed: in words, where a regular expression would be named."""
    route = request.scope.get("route")
    described = route.dependant if error["type"] == "string_pattern_mismatch" and isinstance(route, APIRoute) else None
    if described is not None and (allowed := _allowed(described, error["loc"][-1])):
        return f"has another form; allowed: {allowed[0].lower()}{allowed[1:]}"
    return str(error["msg"]).removeprefix("Value error, ")[:_LONGEST]


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [FieldProblem(field=_path(e["loc"]), message=_message(request, e)) for e in error.errors()[:20]]
    return problem(422, "; ".join(f"{one.field}: {one.message}" for one in found), found)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem(error.status, error.detail, error.errors, error.headers)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    said = str(error.detail)
    if error.status_code == HTTPStatus.NOT_FOUND:
        said = "there is nothing at this path; /api/v1/openapi.json describes what there is"
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        said = (
            f"{request.method} is not answered at this path; allowed: {(error.headers or {}).get('Allow', 'see openapi.json')}"
        )
    return problem(error.status_code, said, headers=error.headers)


async def _archive(_: Request, error: Exception) -> Response:
    return problem(503, str(error), headers={"Retry-After": "5"})


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("failing to answer a request", path=request.url.path, exc_info=error)
    return problem(500, "cannot answer; the API's log says why")


def install(app: FastAPI) -> None:
    """Make every error of the application a problem+json."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Problem, _refused)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(ArchiveError, _archive)
    app.add_exception_handler(Exception, _unexpected)
