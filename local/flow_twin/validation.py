"""What the twin accepts: the shapes of the two calls, and what is wrong with a body that does not have them."""

from typing import Any

MODELS = {
    f"veo_3_1_t2v{speed}{portrait}{ultra}"
    for speed, ultra in (("", ""), ("_fast", ""), ("_fast", "_ultra"))
    for portrait in ("", "_portrait")
}
ASPECT_RATIOS = {"VIDEO_ASPECT_RATIO_PORTRAIT": "9:16", "VIDEO_ASPECT_RATIO_LANDSCAPE": "16:9"}
TIERS = {"PAYGATE_TIER_NOT_PAID", "PAYGATE_TIER_ONE", "PAYGATE_TIER_TWO"}
MAX_REQUESTS = 4

SUBMIT_SHAPE = {
    "clientContext": {"projectId": str, "tool": str, "userPaygateTier": str},
    "requests": [
        {
            "aspectRatio": str,
            "seed": int,
            "textInput": {"prompt": str},
            "videoModelKey": str,
            "metadata": {"sceneId": str},
        }
    ],
}
POLL_SHAPE = {"operations": [{"operation": {"name": str}, "sceneId": str, "status": str}]}


def submit_problem(body: Any) -> str | None:
    """Return what is wrong with the body of a submission, or None."""
    if problem := _shape_problem(body, SUBMIT_SHAPE, ""):
        return problem
    context = body["clientContext"]
    if context["tool"] != "PINHOLE" or context["userPaygateTier"] not in TIERS or not context["projectId"]:
        return "Request contains an invalid argument: client_context."
    if not 1 <= len(body["requests"]) <= MAX_REQUESTS:
        return "Request contains an invalid argument: requests."
    problems = (_request_problem(each) for each in body["requests"])
    return next((problem for problem in problems if problem), None)


def _request_problem(request: dict[str, Any]) -> str | None:
    model, ratio = request["videoModelKey"], request["aspectRatio"]
    if model not in MODELS:
        return "Request contains an invalid argument: video_model_key."
    if ratio not in ASPECT_RATIOS or ("_portrait" in model) != (ASPECT_RATIOS[ratio] == "9:16"):
        return "Request contains an invalid argument: aspect_ratio."
    if not 0 <= request["seed"] < 2**31:
        return "Request contains an invalid argument: seed."
    if not request["textInput"]["prompt"].strip():
        return "Request contains an invalid argument: prompt."
    return None


def poll_problem(body: Any) -> str | None:
    """Return what is wrong with the body of a poll, or None."""
    if problem := _shape_problem(body, POLL_SHAPE, ""):
        return problem
    return None if body["operations"] else "Request contains an invalid argument: operations."


def _shape_problem(value: Any, shape: Any, at: str) -> str | None:
    if isinstance(shape, dict):
        return _object_problem(value, shape, at)
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"Invalid value at '{at}'."
        problems = (_shape_problem(each, shape[0], f"{at}[{index}]") for index, each in enumerate(value))
        return next((problem for problem in problems if problem), None)
    # A bool is an int to Python and not to Google.
    fits = isinstance(value, shape) and not isinstance(value, bool)
    return None if fits else f"Invalid value at '{at}' (TYPE_{shape.__name__.upper()})."


def _object_problem(value: Any, shape: dict[str, Any], at: str) -> str | None:
    if not isinstance(value, dict):
        return f"Invalid value at '{at}'."
    if unknown := sorted(set(value) - set(shape)):
        return f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{at}': Cannot find field."
    if missing := sorted(set(shape) - set(value)):
        return f"Request contains an invalid argument: {missing[0]} is missing at '{at}'."
    problems = (_shape_problem(value[key], shape[key], f"{at}.{key}".strip(".")) for key in shape)
    return next((problem for problem in problems if problem), None)
