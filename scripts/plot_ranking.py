"""Draw docs/ranking.svg, five videos over two days: `python -m scripts.plot_ranking`.

The curves are what the database's own ranking functions answer, so the plot cannot tell another story than the feed.
"""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from database.migrate import migrate
from local.environment import PROJECT, STATE
from local.postgres import start_postgres
from shared.config import Settings
from shared.db.pipelined import PipelinedConnection
from shared.db.pool import connect

PLOT = PROJECT / "docs" / "ranking.svg"
START = datetime(2026, 3, 1, tzinfo=UTC)
HOURS, STEP_HOURS = 48, 0.5
DATABASE = "plot_ranking"

# What a video's score is at each moment, less what an event of this moment weighs: its heat now, as a power of two.
SQL = """
SELECT hour, CAST(logic.score(logic.heat_sum(array_append(
        ARRAY(SELECT logic.half_lives(at) FROM unnest(CAST($3 AS timestamptz[])) AS at WHERE at <= moment),
        logic.publish_heat(CAST($2 AS timestamptz)))),
    (SELECT count(*) FROM unnest(CAST($3 AS timestamptz[])) AS at WHERE at <= moment),
    (SELECT count(*) FROM unnest(CAST($4 AS timestamptz[])) AS at WHERE at <= moment)
    ) - logic.half_lives(moment) AS double precision)
FROM unnest(CAST($1 AS double precision[])) AS hour,
    LATERAL (SELECT CAST($5 AS timestamptz) + make_interval(secs => hour * 3600) AS moment) AS sampled
WHERE moment >= CAST($2 AS timestamptz)
ORDER BY hour
"""


class Story(NamedTuple):
    """A video: when it is published, liked and disliked, in hours since the start, and how it is drawn."""

    name: str
    color: str
    published: float
    likes: list[float]
    dislikes: list[float]


def _spread(count: int, first: float, last: float) -> list[float]:
    return [first + (last - first) * (number + 0.5) / count for number in range(count)]


STORIES = [
    Story("a like every hour", "#0969da", 0, _spread(48, 0, 48), []),
    Story("40 likes in three hours, then none", "#cf222e", 6, _spread(40, 6.5, 9.5), []),
    Story("30 likes and 20 dislikes in a day", "#8250df", 12, _spread(30, 12.5, 36), _spread(20, 13, 36)),
    Story("nobody reacts", "#6e7781", 20, [], []),
    Story("12 likes in four hours, late", "#1a7f37", 30, _spread(12, 30.5, 34.5), []),
]


def draw(connection: PipelinedConnection) -> str:
    """Return the plot as SVG, computed by the ranking functions of a migrated database."""
    curves = [_curve(connection, story) for story in STORIES]
    ranks: list[dict[float, float]] = [{} for _ in STORIES]
    for hour in sorted({hour for curve in curves for hour in curve}):
        there = [number for number, curve in enumerate(curves) if hour in curve]
        for place, number in enumerate(sorted(there, key=lambda each: -curves[each][hour]), start=1):
            ranks[number][hour] = place
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 600" font-family="sans-serif" font-size="12">',
        '<rect width="760" height="600" fill="#ffffff"/>',
        *_panel("heat now times approval, as a power of two", (30, 260), (-3, 6), range(-2, 7, 2), curves),
        *_panel("place in the feed", (340, 130), (5.5, 0.5), range(1, 6), ranks),
        *_legend(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _curve(connection: PipelinedConnection, story: Story) -> dict[float, float]:
    hours = [step * STEP_HOURS for step in range(int(HOURS / STEP_HOURS) + 1)]
    moments = [[_moment(hour) for hour in events] for events in (story.likes, story.dislikes)]
    rows = connection.execute_unnamed(SQL, [hours, _moment(story.published), *moments, _moment(0)]).rows
    return {float(hour): float(height) for hour, height in rows}


def _moment(hour: float) -> str:
    return (START + timedelta(hours=hour)).isoformat()


def _panel(
    title: str, box: tuple[int, int], bounds: tuple[float, float], marks: range, curves: list[dict[float, float]]
) -> list[str]:
    """Return one diagram, `box` its top and height, `bounds` the values at its lower and upper edge."""
    (top, height), (low, high) = box, bounds

    def across(hour: float) -> str:
        return f"{50 + hour / HOURS * 690:.1f}"

    def down(value: float) -> str:
        return f"{top + height - (value - low) / (high - low) * height:.1f}"

    parts = [f'<text x="50" y="{top - 10}" font-weight="bold">{title}</text>']
    for mark in marks:
        parts.append(f'<path d="M50 {down(mark)}H740" stroke="#d8dee4"/>')
        parts.append(f'<text x="42" y="{down(mark)}" text-anchor="end" dominant-baseline="middle">{mark}</text>')
    parts += [
        f'<text x="{across(hour)}" y="{top + height + 18}" text-anchor="middle">{hour} h</text>'
        for hour in range(0, HOURS + 1, 6)
    ]
    for story, curve in zip(STORIES, curves, strict=True):
        points = " ".join(f"{across(hour)},{down(value)}" for hour, value in curve.items() if value >= min(bounds))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{story.color}" stroke-width="2"/>')
    return parts


def _legend() -> list[str]:
    parts = []
    for number, story in enumerate(STORIES):
        x, y = 50 + number % 2 * 350, 522 + number // 2 * 24
        parts.append(f'<path d="M{x} {y}h24" stroke="{story.color}" stroke-width="3"/>')
        parts.append(f'<text x="{x + 32}" y="{y}" dominant-baseline="middle">{story.name}</text>')
    return parts


def main() -> None:
    """Draw the plot with a database made for it, in the laptop's own Postgres."""
    server = start_postgres(STATE / "postgres")
    everything = connect(Settings(database_url=server.url("postgres")))
    everything.execute_unnamed(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
    everything.execute_unnamed(f"CREATE DATABASE {DATABASE}")
    current = Settings(database_url=server.url(DATABASE))
    migrate(current, lambda _line: None)
    connection = connect(current)
    PLOT.write_text(draw(connection))
    connection.close()
    everything.execute_unnamed(f"DROP DATABASE {DATABASE}")
    everything.close()
    server.stop()
    print(f"  {PLOT.relative_to(PROJECT)} drawn")


if __name__ == "__main__":
    main()
