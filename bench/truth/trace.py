"""Tracing a scene through the thin lens until its noise is low enough."""

from __future__ import annotations

import drjit as dr
import mitsuba as mi
import numpy as np
from thin_lens import Camera, encode, splat_lamps

PASS_SPP, SKY_RAYS = 64, 2
LAMP_RAYS_PER_PX = 400


def light_by_sky(*, ambient: float):
    """Make an integrator for cheap light: lamps and the sun by a shadow ray, the sky by ``SKY_RAYS`` rays.

    Where something hides the sky, grey light of ``ambient`` comes from there, which stands for all further bounces.
    Both pictures of a scene share that light, so it costs no truth, and the noise of deep paths is spared.
    """

    class SkyIntegrator(mi.SamplingIntegrator):
        """Direct light, with a constant for the rest."""

        def sample(self, scene, sampler, ray, medium=None, active=True):
            """Find the light along a ray."""
            here, context, sky = scene.ray_intersect(ray, active), mi.BSDFContext(), scene.environment()
            hit, surface = here.is_valid(), here.bsdf(ray)
            light = here.emitter(scene).eval(here)
            lamp, weight = scene.sample_emitter_direction(here, sampler.next_2d(), True, hit)
            light += weight * surface.eval(context, here, here.to_local(lamp.d), hit & (lamp.pdf > 0))
            for k in range(SKY_RAYS):
                spot = (sampler.next_2d() + mi.Point2f(k, 0)) / mi.Point2f(SKY_RAYS, 1)
                way, share = surface.sample(context, here, sampler.next_1d(), spot, hit)
                out = here.spawn_ray(here.to_world(way.wo))
                beyond = dr.zeros(mi.SurfaceInteraction3f)
                beyond.wi = -out.d
                light += share * dr.select(scene.ray_test(out, hit), ambient, sky.eval(beyond)) / SKY_RAYS
            return dr.select(active, light, 0), hit, []

    mi.register_integrator("sky", lambda properties: SkyIntegrator(properties))
    return mi.load_dict({"type": "sky"})


def trace(scene, camera: Camera, *, ambient: float, seed: int, lamps, goal_db: float, most_spp: int):
    """Trace two independent halves until they agree to ``goal_db``; nothing is clamped.

    Returns:
        The halves, linear radiance, and the paths per pixel of each.
    """
    sensor = mi.load_dict(camera.sensor(samples=PASS_SPP))
    integrator = light_by_sky(ambient=ambient)
    sums = np.zeros((2, camera.height_px, camera.width_px, 3))
    splats = (
        [splat_lamps(scene, lamps, camera, rays_per_px=LAMP_RAYS_PER_PX, seed=seed + half) for half in (0, 1)]
        if lamps
        else [0.0, 0.0]
    )
    passes = 0
    while True:
        for half in (0, 1):
            picture = mi.render(scene, sensor=sensor, integrator=integrator, seed=(seed * 2 + half) * 100_003 + passes)
            sums[half] += np.array(picture)
        passes += 1
        halves = [sums[half] / passes + splats[half] for half in (0, 1)]
        if psnr_db(*halves) >= goal_db or (passes + 1) * PASS_SPP > most_spp:
            return halves, passes * PASS_SPP


def psnr_db(one: np.ndarray, other: np.ndarray) -> float:
    """Compare two pictures of linear light as encoded, over the whole picture."""
    return float(-10 * np.log10(max(np.mean((encode(one) - encode(other)) ** 2), 1e-12)))
