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
OBSERVATIONS = 2 * JOINTS + 6

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
        self._steps = max(1, round(self._control_period_s / time_step))
        self._table = configuration.vector(
            "hysr_config", hysr, "table_position", [0.0, 1.6, 0.76]
        )
        self._robot = configuration.vector("hysr_config", hysr, "robot_position", [0.0, 0.0, 1.2])
        self._posture = np.radians(
            configuration.vector("hysr_config", hysr, "reference_posture_deg", [0, 0, 0, 0])
        )
        self._joint_range = np.radians(pam_number("joint_range_deg", 80))
        self._joint_speed = np.radians(pam_number("joint_speed_deg_per_s", 360))
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
                racket=pam_number("racket_radius_m", 0.1),
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
        self._racket_site = self._model.site("racket").id
        self._target = self._posture.copy()
        self._nearest_m = math.inf

    @property
    def table_height(self):
        return self._table[2]

    def reset(self, ball_position, ball_velocity):
        """The arm at rest in its reference posture, the ball on its way."""
        mujoco.mj_resetData(self._model, self._data)
        self._target = self._posture.copy()
        self._data.qpos[:JOINTS] = self._posture
        self._data.ctrl[:] = self._posture
        self._data.qpos[JOINTS : JOINTS + 3] = ball_position
        self._data.qvel[JOINTS : JOINTS + 3] = ball_velocity
        self._nearest_m = math.inf
        mujoco.mj_forward(self._model, self._data)

    def step(self, action):
        """Moves the joints' targets by `action` (-1 to 1 of the joint speed) for one period.

        Returns None while the ball is on its way, else its end: {"nearest_m"} when it was
        missed (the least distance between ball and racket), and with it {"landing", "speed"} when
        it was hit: where it came down and how fast it flew.
        """
        change = np.clip(action, -1.0, 1.0) * self._joint_speed * self._control_period_s
        self._target = np.clip(
            self._target + change,
            self._posture - self._joint_range,
            self._posture + self._joint_range,
        )
        self._data.ctrl[:] = self._target
        for _ in range(self._steps):
            mujoco.mj_step(self._model, self._data)
            self._note_distance()
            if self._touches():
                return self._follow_hit_ball()
        ball = self._ball_position()
        passed = ball[1] < self._robot[1] - 0.6 or self._data.time > 2.0
        if passed or ball[2] < FLOOR_HEIGHT:
            return {"nearest_m": self._nearest_m}
        return None

    def observation(self):
        """Joint angles and speeds, the ball relative to the table's near end, about -1 to 1."""
        near_end = (self._table[0], self._table[1] - TABLE_HALF_LENGTH, self._table[2])
        return np.concatenate(
            (
                self._data.qpos[:JOINTS] - self._posture,
                self._data.qvel[:JOINTS] / 6.0,
                self._ball_position() - near_end,
                self._ball_velocity() / 5.0,
            )
        )

    def _ball_position(self):
        return self._data.qpos[JOINTS : JOINTS + 3]

    def _ball_velocity(self):
        return self._data.qvel[JOINTS : JOINTS + 3]

    def _note_distance(self):
        offset = self._data.site_xpos[self._racket_site] - self._ball_position()
        self._nearest_m = min(self._nearest_m, math.sqrt(offset @ offset))

    def _touches(self):
        pair = {self._racket_geom, self._ball_geom}
        for contact in self._data.contact[: self._data.ncon]:
            if {contact.geom1, contact.geom2} == pair:
                return True
        return False

    def _follow_hit_ball(self):
        """Lets the world go on until the ball is down."""
        speed = 0.0
        until = self._data.time + FLIGHT_LIMIT_S
        was_above = self._ball_position()[2] > self.table_height
        while self._data.time < until:
            mujoco.mj_step(self._model, self._data)
            ball, velocity = self._ball_position(), self._ball_velocity()
            speed = max(speed, float(np.linalg.norm(velocity)))
            above = ball[2] > self.table_height + BALL_RADIUS + 0.005
            if (was_above and not above and velocity[2] < 0) or ball[2] < FLOOR_HEIGHT:
                break
            was_above = above
        landing = self._ball_position().copy()
        return {"nearest_m": 0.0, "landing": landing, "speed": speed}


def _text(vector):
    return " ".join(repr(float(item)) for item in vector)
