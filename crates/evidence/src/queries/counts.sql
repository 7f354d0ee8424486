SELECT
    verdict,
    compliant,
    count(DISTINCT id) AS findings,
    count(DISTINCT key || chr(10) || coalesce(versionid, '')) AS versions,
    count(*) AS lines
FROM verdicts
WHERE bucket = ? AND day BETWEEN ? AND ?
GROUP BY verdict, compliant
ORDER BY verdict
