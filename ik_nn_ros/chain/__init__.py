"""The posterior as a Markov chain of remaining targets: states, arcs, closing roots.

Of a planar arm with independent priors p_i, what the joints from i on must do depends on the
earlier ones through the remaining target s_i alone:

    p(theta_i | s_i) = p_i(theta_i) V_{i+1}(s_{i+1}) / V_i(s_i)

with V_i(s) the density of the TCP of the chain from joint i on at s, V_1 of the target its
evidence. The last two joints of a position, three of a pose, close the chain: finitely many roots,
each weighing its joints' priors over |J|. A sampler draws the other joints, one after the other, by
any q; a sample's weight is then

    w = prod_i p_i(theta_i) / q(theta_i | s_i) * sum over the roots of prior / |J|

and its mean the evidence. Bensadoun et al., "Neural Inverse Kinematics" (ICML 2022), sample joint
by joint, too.
"""
