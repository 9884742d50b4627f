"""What the server says of itself: a page, OpenAPI, ``GET /metadata``; open to anyone."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from ecgsvc import __version__, fhir
from ecgsvc.http.call import Reply
from ecgsvc.http.errors import NotServed, refusal
from ecgsvc.http.formats import WRITTEN_VERSION
from ecgsvc.http.interactions import Interaction, offered_resources, system_operations
from ecgsvc.http.openapi import openapi, page
from ecgsvc.http.responses import BASE_PATH, base_url, response, wanted


def described(table: tuple[Interaction, ...]) -> list[Route]:
    """Return the routes that describe what the table offers."""
    started_at = datetime.now(UTC)

    async def show_page(_request: Request) -> Response:
        return HTMLResponse(page(table, base_path=BASE_PATH))

    async def show_openapi(_request: Request) -> Response:
        return JSONResponse(
            openapi(table, base_path=BASE_PATH, software_version=__version__)
        )

    async def show_metadata(request: Request) -> Response:
        try:
            version = wanted(request)
        except NotServed as error:
            return response(refusal(error))
        url = base_url(request)
        body = fhir.capability_statement(
            offered_resources(table, url),
            ("batch", "transaction"),
            system_operations(table),
            base_url=url,
            software_version=__version__,
            started_at=started_at,
            version=version or WRITTEN_VERSION,
        )
        return response(Reply(200, body), version)

    return [
        Route("/", show_page),
        Route("/openapi.json", show_openapi),
        Route(f"{BASE_PATH}/metadata", show_metadata),
    ]
