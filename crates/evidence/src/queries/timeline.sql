WITH told AS (
    SELECT DISTINCT
        schema,
        physicalresourceid,
        logicalresourceid,
        stackid,
        id,
        result,
        seconds,
        reason,
        remedy,
        from_iso8601_timestamp(time) AS told_at
    FROM verdicts
    WHERE bucket = ? AND day BETWEEN ? AND ?
        AND schema IN ('encrypted-replication/drift/1', 'encrypted-replication/proof/1')
),
marked AS (
    SELECT
        *,
        CASE
            WHEN id = lag(id) OVER (PARTITION BY schema, physicalresourceid ORDER BY told_at, id) THEN 0
            ELSE 1
        END AS begins
    FROM told
),
numbered AS (
    SELECT
        *,
        sum(begins) OVER (PARTITION BY schema, physicalresourceid ORDER BY told_at, id) AS place
    FROM marked
),
episode AS (
    SELECT
        CASE schema WHEN 'encrypted-replication/drift/1' THEN 'drift' ELSE 'proof' END AS kind,
        physicalresourceid,
        place,
        id,
        max_by(logicalresourceid, told_at) AS logicalresourceid,
        max_by(stackid, told_at) AS stackid,
        max_by(result, told_at) AS result,
        min(told_at) AS first_seen,
        max(told_at) AS last_seen,
        count(*) AS looks,
        max(seconds) AS slowest_seconds,
        max_by(reason, told_at) AS reason,
        max_by(remedy, told_at) AS remedy
    FROM numbered
    GROUP BY schema, physicalresourceid, place, id
),
followed AS (
    SELECT
        *,
        lead(result) OVER (PARTITION BY kind, physicalresourceid ORDER BY place) AS next_result,
        lead(first_seen) OVER (PARTITION BY kind, physicalresourceid ORDER BY place) AS ended
    FROM episode
)
SELECT
    kind,
    logicalresourceid,
    result,
    first_seen,
    last_seen,
    looks,
    slowest_seconds,
    CASE
        WHEN result IN ('IN_SYNC', 'COMPLETED') THEN 'good'
        WHEN next_result IN ('IN_SYNC', 'COMPLETED') THEN 'over'
        WHEN next_result IS NOT NULL THEN 'another finding'
        WHEN result IN ('PENDING', 'SKIPPED') THEN 'undecided'
        ELSE 'open'
    END AS state,
    ended,
    date_diff('minute', first_seen, ended) AS minutes,
    reason,
    remedy,
    stackid,
    physicalresourceid,
    id
FROM followed
ORDER BY kind, physicalresourceid, place
