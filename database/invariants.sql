-- What must be true of the rows at any moment. Each query returns the rows that break its rule: their id, and what was
-- found. `:first` and `:last` bound the ids looked at, so that a large database can be checked slice by slice.
-- Run by `python -m database.invariants`; the migration also makes logic.violations of them, for the sweeper's report.

-- rule: reactions_counted: likes_count and dislikes_count are the numbers of rows
SELECT video.id::text AS id, format('counted %s and %s, rows %s and %s',
    video.likes_count, video.dislikes_count, coalesce(rows.likes, 0), coalesce(rows.dislikes, 0)) AS found
FROM videos AS video LEFT JOIN (
    SELECT video_id, count(*) FILTER (WHERE reaction = 'like') AS likes, count(*) FILTER (WHERE reaction = 'dislike') AS dislikes
    FROM video_reactions WHERE video_id BETWEEN :first AND :last GROUP BY video_id
) AS rows ON rows.video_id = video.id
WHERE video.id BETWEEN :first AND :last
    AND (video.likes_count, video.dislikes_count) <> (coalesce(rows.likes, 0), coalesce(rows.dislikes, 0))

-- rule: views_counted: views_count is the number of rows
SELECT video.id::text AS id, format('counted %s, rows %s', video.views_count, coalesce(rows.views, 0)) AS found
FROM videos AS video LEFT JOIN (
    SELECT video_id, count(*) AS views FROM video_views WHERE video_id BETWEEN :first AND :last GROUP BY video_id
) AS rows ON rows.video_id = video.id
WHERE video.id BETWEEN :first AND :last AND video.views_count <> coalesce(rows.views, 0)

-- rule: score_is_the_formula: ranking_score is the formula over the rows, to a millionth
SELECT video.id::text AS id, format('stored %s, formula %s', video.ranking_score, formula.score) AS found
FROM videos AS video, LATERAL (
    SELECT logic.score(logic.heat_from_rows(video.id, video.published_at),
        count(*) FILTER (WHERE reaction = 'like'), count(*) FILTER (WHERE reaction = 'dislike')) AS score
    FROM video_reactions WHERE video_id = video.id
) AS formula
WHERE video.id BETWEEN :first AND :last AND video.status = 'completed'
    AND NOT coalesce(abs(video.ranking_score - formula.score) < 1e-6, false)

-- rule: creators_summed: creator_stats are the sums over the creator's finished videos, and every profile has its row
SELECT profile.id::text AS id, format('stored %s videos, %s likes, %s dislikes; sums %s, %s, %s',
    stats.videos_created, stats.total_likes, stats.total_dislikes, sums.videos, sums.likes, sums.dislikes) AS found
FROM profiles AS profile
LEFT JOIN creator_stats AS stats ON stats.user_id = profile.id,
LATERAL (
    SELECT count(*) AS videos, coalesce(sum(likes_count), 0) AS likes, coalesce(sum(dislikes_count), 0) AS dislikes
    FROM videos WHERE user_id = profile.id AND status = 'completed'
) AS sums
WHERE profile.id BETWEEN :first AND :last
    AND (stats.videos_created, stats.total_likes, stats.total_dislikes) IS DISTINCT FROM (sums.videos, sums.likes, sums.dislikes)

-- rule: activity_noted: last_active_at is not older than the newest thing the person did, give or take two minutes
-- Two, though it is touched after one: touching compares with the moment at which a statement began, while the rows have
-- the moment at which they were written, after waiting for whoever had them locked.
SELECT profile.id::text AS id, format('stored %s, did something %s', profile.last_active_at, newest.moment) AS found
FROM profiles AS profile, LATERAL (SELECT logic.newest_activity(profile.id) AS moment) AS newest
WHERE profile.id BETWEEN :first AND :last AND profile.last_active_at < newest.moment - interval '2 minutes'

-- rule: audience_after_finish: reactions and views are only on finished videos
SELECT video.id::text AS id, format('is %s', video.status) AS found
FROM videos AS video
WHERE video.id BETWEEN :first AND :last AND video.status <> 'completed'
    AND (EXISTS (SELECT FROM video_reactions WHERE video_id = video.id)
        OR EXISTS (SELECT FROM video_views WHERE video_id = video.id))

-- rule: finished_has_a_file: a finished video has an address and the row of its file
SELECT video.id::text AS id, format('address "%s"', video.video_url) AS found
FROM videos AS video
WHERE video.id BETWEEN :first AND :last AND video.status = 'completed' AND (video.video_url = '' OR NOT EXISTS (
    SELECT FROM video_assets AS asset WHERE asset.video_id = video.id AND asset.asset_type = 'video' AND asset.size_bytes > 0))

-- rule: no_orphan_asset: files belong to finished videos
SELECT asset.video_id::text AS id,
    format('%s of a video that is %s', asset.asset_type, coalesce(video.status::text, 'gone')) AS found
FROM video_assets AS asset LEFT JOIN videos AS video ON video.id = asset.video_id
WHERE asset.video_id BETWEEN :first AND :last AND video.status IS DISTINCT FROM 'completed'

-- rule: one_job_runs: at most one job is running, whatever slice is looked at
SELECT job.id::text AS id, format('fence %s, lease until %s', job.fence, job.lease_expires_at) AS found
FROM video_jobs AS job
WHERE job.status = 'running' AND (SELECT count(*) FROM video_jobs WHERE status = 'running') > 1
    AND job.video_id BETWEEN :first AND :last

-- rule: running_has_a_lease: a running job has a lease, without which nobody could take it over
SELECT job.id::text AS id, format('attempt %s', job.attempts) AS found
FROM video_jobs AS job
WHERE job.video_id BETWEEN :first AND :last AND job.status = 'running' AND job.lease_expires_at IS NULL

-- rule: job_matches_video: waiting and running jobs are of unfinished videos, ended ones of ended videos
SELECT video.id::text AS id, format('video %s, job %s', video.status, coalesce(job.status::text, 'none')) AS found
FROM videos AS video LEFT JOIN video_jobs AS job ON job.video_id = video.id
WHERE video.id BETWEEN :first AND :last AND CASE video.status
    WHEN 'completed' THEN job.status <> 'succeeded'
    WHEN 'failed' THEN job.status <> 'failed'
    WHEN 'processing' THEN coalesce(job.status NOT IN ('queued', 'running'), true)
    ELSE coalesce(job.status <> 'queued', true) END

-- rule: ended_has_an_end: an ended job says when, and a failed one why
SELECT job.id::text AS id, format('job %s, finished %s, code %s', job.status, job.finished_at, job.failure_code) AS found
FROM video_jobs AS job
WHERE job.video_id BETWEEN :first AND :last AND (
    (job.status IN ('queued', 'running') AND job.finished_at IS NOT NULL)
    OR (job.status = 'succeeded' AND (job.finished_at IS NULL OR job.output_url IS NULL))
    OR (job.status = 'failed' AND (job.failure_code IS NULL OR job.failure_reason IS NULL)))
