-- Format 7.

-- A start names the ceremony that it displaces, so nothing looks for the oldest pending ones any more.
DROP INDEX ceremonies_pending;
