"""The world in MuJoCo: an arm with four joints, a table with a net, a ball.

Axes: x to the right of the robot, y from the robot along the table, z up; metres, seconds,
radians. The ball comes from the far end, bounces on the robot's half and is to be hit back.
"""

import math

import mujoco
import numpy as np

import configuration

JOINTS = 4
BALL_RADIUS = 0.02
TABLE_HALF_WIDTH = 0.7625
TABLE_HALF_LENGTH = 1.37
NET_HEIGHT = 0.1525
FLOOR_HEIGHT = 0.1  # where a ball counts as fallen
FLIGHT_LIMIT_S = 1.5  # for how long a hit ball is followed

# Contacts are springs: 1e5/s^2 makes a bounce last about 10 ms, which five of the smallest steps
# resolve. The second number is the damping; it gave the rebound written beside it.
_TABLE_CONTACT = "-100000 -45"  # 0.8 of the speed
_RACKET_CONTACT = "-100000 -70"  # 0.7 of the speed

_MODEL = """
<mujoco>
  <option timestep="{time_step}" gravity="0 0 -9.81" integrator="implicitfast"/>
  <default>
    <geom contype="0" conaffinity="0" friction="0.1"/>
    <joint damping="{damping}"/>
  </default>
  <worldbody>
    <body name="table" pos="{table}">
      <geom type="box" size="{half_width} {half_length} 0.02" pos="0 0 -0.02"
            conaffinity="1" solref="{table_contact}"/>
      <geom type="box" size="{half_width} 0.01 {half_net}" pos="0 0 {half_net}"
            conaffinity="1" solref="-100000 -300"/>
    </body>
    <body name="base" pos="{robot}" gravcomp="1">
      <joint name="yaw" type="hinge" axis="0 0 1"/>
      <geom type="sphere" size="0.04" mass="0.5"/>
      <body gravcomp="1">
        <joint name="shoulder" type="hinge" axis="1 0 0"/>
        <geom type="capsule" fromto="0 0 0 0 {upper_arm} 0" size="0.025" mass="0.5"/>
        <body pos="0 {upper_arm} 0" gravcomp="1">
          <joint name="elbow" type="hinge" axis="1 0 0"/>
          <geom type="capsule" fromto="0 0 0 0 {forearm} 0" size="0.02" mass="0.3"/>
          <body pos="0 {forearm} 0" gravcomp="1">
            <joint name="wrist" type="hinge" axis="1 0 0"/>
            <geom name="racket" type="cylinder" size="{racket} 0.01" pos="0 {racket} 0" mass="0.1"
                  conaffinity="2" solref="{racket_contact}"/>
            <site name="racket" pos="0 {racket} 0"/>
          </body>
        </body>
      </body>
    </body>
    <body name="ball" pos="0 2 2">
      <freejoint/>
      <geom name="ball" type="sphere" size="{ball_radius}" mass="0.0027" contype="3"/>
    </body>
  </worldbody>
  <actuator>
    <position joint="yaw" kp="{gain}" kv="{gain_speed}"/>
    <position joint="shoulder" kp="{gain}" kv="{gain_speed}"/>
    <position joint="elbow" kp="{gain}" kv="{gain_speed}"/>
    <position joint="wrist" kp="{gain}" kv="{gain_speed}"/>
  </actuator>
</mujoco>
"""


class World:
    """One episode after the other: `reset`, then `step` until it says that the ball is decided."""

    def __init__(self, hysr, pam):
        """`hysr` and `pam` are those sections of the configuration."""

        def hysr_number(name, default):
            return configuration.number("hysr_config", hysr, name, default, 1e-4)

        def pam_number(name, default):
            return configuration.number("pam_config", pam, name, default, 0.0)

        time_step = hysr_number("mujoco_time_step", 0.002)
        if time_step > 0.005:
            raise configuration.ConfigurationError(
                "'mujoco_time_step' in hysr_config is %r s (a bounce lasts 0.01 s). Take 0.005 or "
                "less." % time_step
            )
        self._control_period_s = hysr_number("algo_time_step", 0.02)
        # A touch is looked for every 4 ms, so that none of 10 ms is missed.
        steps = max(1, round(self._control_period_s / time_step))
        block = max(1, round(0.004 / time_step))
        self._blocks = [block] * (steps // block) + [steps % block] * (steps % block > 0)
        self._table = configuration.vector(
            "hysr_config", hysr, "table_position", [0.0, 1.6, 0.76]
        )
        self._near_end = np.array(self._table) - (0.0, TABLE_HALF_LENGTH, 0.0)
        self._robot = configuration.vector("hysr_config", hysr, "robot_position", [0.0, 0.0, 1.2])
        self._posture = np.radians(
            configuration.vector("hysr_config", hysr, "reference_posture_deg", [0, 0, 0, 0])
        )
        self._joint_range = np.radians(pam_number("joint_range_deg", 40))
        joint_speed = np.radians(pam_number("joint_speed_deg_per_s", 180))
        self._most_change = joint_speed * self._control_period_s
        gain = pam_number("position_gain", 60)
        self._model = mujoco.MjModel.from_xml_string(
            _MODEL.format(
                time_step=time_step,
                damping=pam_number("joint_damping", 0.2),
                table=_text(self._table),
                robot=_text(self._robot),
                half_width=TABLE_HALF_WIDTH,
                half_length=TABLE_HALF_LENGTH,
                half_net=NET_HEIGHT / 2,
                upper_arm=pam_number("upper_arm_m", 0.4),
                forearm=pam_number("forearm_m", 0.35),
                racket=pam_number("racket_radius_m", 0.13),
                ball_radius=BALL_RADIUS,
                gain=gain,
                gain_speed=pam_number("speed_gain", 3),
                table_contact=_TABLE_CONTACT,
                racket_contact=_RACKET_CONTACT,
            )
        )
        self._data = mujoco.MjData(self._model)
        self._racket_geom = self._model.geom("racket").id
        self._ball_geom = self._model.geom("ball").id
        # Views into the simulator's memory: making one takes longer than a step.
        self._ball = self._data.qpos[JOINTS : JOINTS + 3]
        self._ball_speed = self._data.qvel[JOINTS : JOINTS + 3]
        self._joints = self._data.qpos[:JOINTS]
        self._joint_speeds = self._data.qvel[:JOINTS]
        self._racket = self._data.site_xpos[self._model.site("racket").id]
        self._target = self._posture.copy()
        self._nearest_m = math.inf

    def reset(self, ball_position, ball_velocity):
        """The arm at rest in its reference posture, the ball on its way."""
        mujoco.mj_resetData(self._model, self._data)
        self._target = self._posture.copy()
        self._joints[:] = self._posture
        self._data.ctrl[:] = self._posture
        self._ball[:] = ball_position
        self._ball_speed[:] = ball_velocity
        self._nearest_m = math.inf
        mujoco.mj_forward(self._model, self._data)

    def step(self, action):
        """Lets the joints go for one period towards `action`, in -1 to 1 of the joint range around
        the reference posture, no faster than the joint speed.

        Returns None while the ball is on its way, else its end: {"nearest_m"} when it was
        missed (the least distance between ball and racket), and with it {"landing", "speed"} when
        it was hit: where it came down and how fast it flew.
        """
        wanted = self._posture + np.clip(action, -1.0, 1.0) * self._joint_range
        self._target += np.clip(wanted - self._target, -self._most_change, self._most_change)
        self._data.ctrl[:] = self._target
        before = self._offset()
        for steps in self._blocks:
            mujoco.mj_step(self._model, self._data, steps)
            if self._data.ncon and self._touches():
                return self._follow_hit_ball()
        self._nearest_m = min(self._nearest_m, _least_distance(before, self._offset()))
        passed = self._ball[1] < self._robot[1] - 0.2 or self._data.time > 2.0
        if passed or self._ball[2] < FLOOR_HEIGHT:
            return {"nearest_m": self._nearest_m}
        return None

    def observation(self):
        """Angles and speeds of the joints, the ball seen from the table's near end, its speed, the
        racket seen from the ball; all about -1 to 1.
        """
        return np.concatenate(
            (
                self._joints - self._posture,
                self._joint_speeds / 6.0,
                self._ball - self._near_end,
                self._ball_speed / 5.0,
                self._offset(),
            )
        )

    def _offset(self):
        return self._racket - self._ball

    def _touches(self):
        pair = {self._racket_geom, self._ball_geom}
        return any({contact.geom1, contact.geom2} == pair for contact in self._data.contact)

    def _follow_hit_ball(self):
        """Lets the world go on until the ball is down."""
        speed = 0.0
        until = self._data.time + FLIGHT_LIMIT_S
        was_above = self._ball[2] > self._table[2]
        while self._data.time < until:
            mujoco.mj_step(self._model, self._data)
            speed = max(speed, float(np.linalg.norm(self._ball_speed)))
            above = self._ball[2] > self._table[2] + BALL_RADIUS + 0.005
            lands = was_above and not above and self._ball_speed[2] < 0
            if lands or self._ball[2] < FLOOR_HEIGHT:
                break
            was_above = above
        return {"nearest_m": 0.0, "landing": self._ball.copy(), "speed": speed}


def _least_distance(start, end):
    """The least distance to the origin of a point that goes straight from `start` to `end`."""
    path = end - start
    length2 = float(path @ path)
    share = 0.0 if length2 == 0.0 else min(1.0, max(0.0, -float(start @ path) / length2))
    nearest = start + share * path
    return math.sqrt(float(nearest @ nearest))


def _text(vector):
    return " ".join(repr(float(item)) for item in vector)
