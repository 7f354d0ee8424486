SELECT destination AS bucket, replace(url_encode(key), '+', '%20') AS key, versionid
FROM version
WHERE is_replica AND NOT is_judged
ORDER BY version.key, versionid
