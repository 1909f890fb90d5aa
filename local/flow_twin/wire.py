"""The twin's handwriting: bodies, entries and errors exactly as the contract spells them."""

import base64
import json
from typing import Any

from flask import Request, Response, jsonify

from local.flow_twin.outcomes import HttpFault
from local.flow_twin.state import Operation

STATUS_PREFIX = "MEDIA_GENERATION_STATUS_"


def read_body(request: Request) -> Any:
    """Return the parsed JSON whatever the content type says; None when it is not JSON."""
    try:
        return json.loads(request.get_data())
    except ValueError:
        return None


def rpc_error(fault: HttpFault) -> Response:
    """Return a google.rpc error answer."""
    error: dict[str, Any] = {"code": fault.status, "message": fault.message, "status": fault.rpc_status}
    if fault.reason:
        error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": fault.reason}]
    answer = jsonify({"error": error})
    answer.status_code = fault.status
    return answer


def invalid(problem: str | None) -> Response | None:
    """Return the 400 for a body with this problem; None when there is none."""
    return rpc_error(HttpFault(400, "INVALID_ARGUMENT", problem)) if problem else None


def entry(operation: Operation, status: str) -> dict[str, Any]:
    """Return one item of `operations`."""
    return {"operation": {"name": operation.name}, "sceneId": operation.scene_id, "status": status}


def media_generation_id(operation: Operation) -> str:
    """Return the long base64 text that names the finished media."""
    return "CAUS" + base64.urlsafe_b64encode(f"{operation.name}:{operation.scene_id}".encode()).decode().rstrip("=")


def media(operation: Operation, video_url: str, poster_url: str) -> dict[str, Any]:
    """Return the `metadata` of a finished operation."""
    orientation = "PORTRAIT" if operation.aspect_ratio == "9:16" else "LANDSCAPE"
    return {
        "@type": "type.googleapis.com/google.internal.labs.aisandbox.v1.Media",
        "name": media_generation_id(operation),
        "video": {
            "seed": operation.seed,
            "mediaGenerationId": media_generation_id(operation),
            "prompt": operation.prompt,
            "fifeUrl": video_url,
            "servingBaseUri": poster_url,
            "model": operation.model,
            "isLooped": False,
            "aspectRatio": f"VIDEO_ASPECT_RATIO_{orientation}",
        },
    }
