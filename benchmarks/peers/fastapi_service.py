"""The same feed, video and like as an idiomatic service: FastAPI, SQLAlchemy's asyncio ORM, asyncpg, Pydantic answers.

Written as its documentation teaches, over the same tables and triggers, with the same token and signature checks. What
it leaves out works in its favour: no rate limit, no profile at first sight, no ETag, no log line of its own.
"""

# Its packages are in an environment of their own, where nobody checks types.
# mypy: ignore-errors

import hashlib
import hmac
import os
import time
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from sqlalchemy import ForeignKey, func, select
from sqlalchemy.dialects.postgresql import ENUM, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship, selectinload

JWT_SECRET = os.environ["SUPABASE_JWT_SECRET"]
SIGNATURE_SECRET = os.environ["REQUEST_SIGNATURE_SECRET"].encode()
engine = create_async_engine(
    os.environ["PEER_DATABASE_URL"], pool_size=int(os.environ["PEER_POOL_SIZE"]), max_overflow=0
)
session_factory = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()


class Base(DeclarativeBase):
    """What all tables share."""


class Profile(Base):
    """A person."""

    __tablename__ = "profiles"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    username: Mapped[str]


class Asset(Base):
    """A stored file of a video."""

    __tablename__ = "video_assets"
    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id"), primary_key=True)
    asset_type: Mapped[str] = mapped_column(
        ENUM("video", "thumbnail", name="asset_type", create_type=False), primary_key=True
    )
    storage_backend: Mapped[str]
    storage_key: Mapped[str]
    file_path: Mapped[str]
    public_url: Mapped[str]
    source_url: Mapped[str | None]
    duration_seconds: Mapped[int | None]


class Video(Base):
    """A video."""

    __tablename__ = "videos"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("profiles.id"))
    prompt: Mapped[str]
    video_url: Mapped[str]
    thumbnail_url: Mapped[str | None]
    status: Mapped[str] = mapped_column(
        ENUM("pending", "processing", "completed", "failed", name="video_status", create_type=False)
    )
    likes_count: Mapped[int]
    dislikes_count: Mapped[int]
    views_count: Mapped[int]
    ranking_score: Mapped[float | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    source_video_id: Mapped[UUID | None]
    duration_seconds: Mapped[float | None]
    profile: Mapped[Profile] = relationship()
    assets: Mapped[list[Asset]] = relationship()


class Reaction(Base):
    """What one person thinks of one video."""

    __tablename__ = "video_reactions"
    id: Mapped[UUID] = mapped_column(primary_key=True, server_default=func.gen_random_uuid())
    video_id: Mapped[UUID]
    user_id: Mapped[UUID]
    reaction: Mapped[str] = mapped_column(ENUM("like", "dislike", name="reaction_kind", create_type=False))
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Out(BaseModel):
    """What all answers share: names as JavaScript writes them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class AssetOut(Out):
    """One file in an answer."""

    asset_type: str
    storage_backend: str
    public_url: str
    file_path: str
    storage_key: str
    source_url: str | None
    duration_seconds: int | None


class VideoOut(Out):
    """One video in an answer."""

    id: UUID
    prompt: str
    video_url: str
    thumbnail_url: str | None
    user_id: UUID
    username: str
    likes: int
    dislikes: int
    views: int
    created_at: datetime
    updated_at: datetime
    status: str
    ranking_score: float | None = Field(alias="ranking_score")
    source_video_id: UUID | None
    duration_seconds: float | None
    assets: list[AssetOut]
    viewer_reaction: str | None = None


class Feed(Out):
    """A page of the feed."""

    videos: list[VideoOut]
    has_more: bool


class Success(BaseModel):
    """A write that worked."""

    success: bool = True


async def get_session() -> AsyncIterator[AsyncSession]:
    """Lend a session for one request."""
    async with session_factory() as session:
        yield session


async def get_viewer(authorization: Annotated[str | None, Header()] = None) -> UUID | None:
    """Return who is signed in, or None."""
    if authorization is None:
        return None
    try:
        claims = jwt.decode(
            authorization.removeprefix("Bearer "), JWT_SECRET, algorithms=["HS256"], audience="authenticated"
        )
    except jwt.PyJWTError as error:
        raise HTTPException(401) from error
    return UUID(claims["sub"])


async def check_signature(
    request: Request, x_instaveo_timestamp: Annotated[str, Header()], x_instaveo_signature: Annotated[str, Header()]
) -> None:
    """Refuse a request that is not signed."""
    text = f"{x_instaveo_timestamp}\n{request.method}\n{request.url.path}".encode()
    body = await request.body()
    expected = hmac.new(SIGNATURE_SECRET, text + (b"\n" + body if body else b""), hashlib.sha256).hexdigest()
    is_fresh = abs(time.time() - int(x_instaveo_timestamp)) <= 120
    if not is_fresh or not hmac.compare_digest(expected, x_instaveo_signature):
        raise HTTPException(401)


SessionDependency = Annotated[AsyncSession, Depends(get_session)]
ViewerDependency = Annotated[UUID | None, Depends(get_viewer)]


@app.get("/videos/feed")
async def feed(
    session: SessionDependency, viewer: ViewerDependency, limit: Annotated[int, Query(ge=1, le=50)] = 20
) -> Feed:
    """Answer the first page of the feed."""
    found = await session.scalars(
        select(Video)
        .where(Video.status == "completed")
        .order_by(Video.ranking_score.desc(), Video.id.desc())
        .limit(limit + 1)
        .options(joinedload(Video.profile), selectinload(Video.assets))
    )
    videos = found.all()
    reactions = await reactions_of(session, viewer, videos[:limit])
    return Feed(
        videos=[video_out(each, reactions.get(each.id)) for each in videos[:limit]], has_more=len(videos) > limit
    )


async def reactions_of(session: AsyncSession, viewer: UUID | None, videos: Any) -> dict[UUID, str]:
    """Return the viewer's own reactions to these videos."""
    if viewer is None:
        return {}
    ids = [video.id for video in videos]
    found = await session.execute(
        select(Reaction.video_id, Reaction.reaction).where(Reaction.user_id == viewer, Reaction.video_id.in_(ids))
    )
    return {row.video_id: row.reaction for row in found}


def video_out(video: Video, reaction: str | None) -> VideoOut:
    """Return a video as an answer shows it."""
    return VideoOut(
        id=video.id,
        prompt=video.prompt,
        video_url=video.video_url,
        thumbnail_url=video.thumbnail_url,
        user_id=video.user_id,
        username=video.profile.username,
        likes=video.likes_count,
        dislikes=video.dislikes_count,
        views=video.views_count,
        created_at=video.created_at,
        updated_at=video.updated_at,
        status=video.status,
        ranking_score=video.ranking_score,
        source_video_id=video.source_video_id,
        duration_seconds=video.duration_seconds,
        assets=[asset_out(asset) for asset in video.assets],
        viewer_reaction=reaction,
    )


def asset_out(asset: Asset) -> AssetOut:
    """Return a file as an answer shows it."""
    return AssetOut(
        asset_type=asset.asset_type,
        storage_backend=asset.storage_backend,
        public_url=asset.public_url,
        file_path=asset.file_path,
        storage_key=asset.storage_key,
        source_url=asset.source_url,
        duration_seconds=asset.duration_seconds,
    )


@app.post("/videos/{video_id}/like", dependencies=[Depends(check_signature)])
async def like(video_id: UUID, session: SessionDependency, viewer: ViewerDependency) -> Success:
    """Make a like the caller's reaction."""
    if viewer is None:
        raise HTTPException(401)
    status = await session.scalar(select(Video.status).where(Video.id == video_id))
    if status != "completed":
        raise HTTPException(404)
    mine = insert(Reaction).values(video_id=video_id, user_id=viewer, reaction="like")
    await session.execute(
        mine.on_conflict_do_update(
            index_elements=["video_id", "user_id"],
            set_={"reaction": mine.excluded.reaction, "created_at": mine.excluded.created_at},
            where=Reaction.reaction != mine.excluded.reaction,
        )
    )
    await session.commit()
    return Success()
